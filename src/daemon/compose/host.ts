/** What the host has to bring, for no release does: a voter's etcd. */
import { existsSync } from 'node:fs';
import { nodePaths } from '../../base/paths.ts';
import type { NodeConfig } from '../config.ts';
import { findPrograms } from '../etcd/find.ts';

/**
 * Asks whether this node's etcd can be used; once it can, that is remembered. It throws ClusterError 'operator-needed':
 * what is missing and how to install it.
 */
export function etcdOfHost({ etcd }: Pick<NodeConfig, 'etcd'>): () => Promise<void> {
  if ('endpoints' in etcd) return async () => undefined;
  let known: Promise<void> | null = null;
  const look = async (): Promise<void> => {
    try {
      await findPrograms([{ name: 'etcd', binary: etcd.binary }], { path: process.env.PATH, cwd: process.cwd() });
    } catch (thrown) {
      known = null;
      throw thrown;
    }
  };
  return () => {
    known ??= look();
    return known;
  };
}

/**
 * May a start end because of what the host lacks? Not under a supervisor: it would only start the daemon again, and one
 * that stays says in the cluster's status what is missing. And not while a trial or a probation counts starts: the host's
 * fault is not the build's, and etcd may be back in a moment (its package is being upgraded). The trial's own deadlines
 * stay as they are (P3).
 */
export function endsWithoutEtcd(base: string): boolean {
  if (process.env.CLAUDECLUSTER_SUPERVISOR_PID !== undefined) return false;
  const { trial, probation } = nodePaths(base);
  return !existsSync(trial) && !existsSync(probation); // One that makes no sense may be one all the same.
}
