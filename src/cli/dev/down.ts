/** `dev down`: stops a cluster on this machine, and removes it when that is asked for. */
import { existsSync, lstatSync } from 'node:fs';
import { ClusterError } from '../../errors.ts';
import type { Context } from '../../front/context.ts';
import { readDevCluster } from './create.ts';
import { type DevCluster, devPaths } from './layout.ts';
import { removeCluster } from './place.ts';
import { stopNodes } from './processes.ts';

export interface Down {
  nodes: number;
  /** What had no supervisor any more, or did not end when asked. */
  ended: string[];
  purged: boolean;
}

/** Stops what runs in the directory; with `purge` removes it as well. Nothing there is nothing to do. */
export async function devDown(ctx: Context, dir: string, purge: boolean): Promise<Down> {
  const cluster = readDevClusterOrNull(dir, purge);
  const ended = cluster ? await stopNodes(cluster.nodes, ctx.clock) : [];
  const ours = cluster !== null || existsSync(devPaths(dir).making);
  if (purge && ours) await removeCluster(dir);
  if (purge && !ours && isFull(dir)) {
    throw new ClusterError('usage', `${dir} is no local cluster: it is left as it is`, {
      wanted: 'a directory that dev up made',
      next: 'give --dir, or remove it by hand',
    });
  }
  return { nodes: cluster?.nodes.length ?? 0, ended, purged: purge && ours };
}

/** A marker that cannot be read must not stand in the way of removing everything. */
function readDevClusterOrNull(dir: string, purge: boolean): DevCluster | null {
  try {
    return readDevCluster(dir);
  } catch (thrown) {
    if (purge) return null;
    throw thrown;
  }
}

function isFull(dir: string): boolean {
  try {
    return lstatSync(dir).isDirectory();
  } catch {
    return false;
  }
}
