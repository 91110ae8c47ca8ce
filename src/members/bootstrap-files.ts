/**
 * The two files that say which cluster this node is part of:
 *
 * data/bootstrap.json which one to found or join; written by `dev up` and `claudecluster bootstrap`.
 * data/cluster.json   which one this node belongs to; fsynced before etcd runs for the first time.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { errno } from '../base/files.ts';
import { parseAs } from '../base/parse-as.ts';

export const bootstrapSchema = z.looseObject({
  clusterId: z.string().min(1),
  /** Every first voter: nodeId and the host:port of its member for the other members. */
  initialCluster: z.array(z.object({ name: z.string().min(1), peer: z.string().min(1) })).min(1),
  /** join: this node's member was added to a group that runs (`etcdctl member add`). */
  kind: z.enum(['new', 'join']).default('new'),
  /** nodeIds that belong to the cluster from the start, workers too; the voters always do. */
  nodes: z.array(z.string()).default([]),
});

export type Bootstrap = z.infer<typeof bootstrapSchema>;

export const clusterFileSchema = z.looseObject({
  clusterId: z.string().min(1),
  /** Name of this node's member; null: it runs none. */
  member: z.string().nullable(),
  /** founding: etcd may have run, but has not served yet · member: it has; its data is part of the cluster's memory. */
  state: z.enum(['founding', 'member']),
});

export type ClusterFile = z.infer<typeof clusterFileSchema>;

export interface BootstrapPaths {
  /** data/. */
  data: string;
  bootstrap: string;
  cluster: string;
  /** etcd's --data-dir. */
  etcd: string;
}

export function bootstrapPaths(data: string): BootstrapPaths {
  return {
    data,
    bootstrap: join(data, 'bootstrap.json'),
    cluster: join(data, 'cluster.json'),
    etcd: join(data, 'etcd'),
  };
}

/** The cluster that this node belongs to, as far as its disk knows. */
export function knownClusterId(paths: BootstrapPaths): string | null {
  const cluster = readJson(paths.cluster, clusterFileSchema);
  if (cluster !== null && cluster !== 'unreadable') return cluster.clusterId;
  const bootstrap = readJson(paths.bootstrap, bootstrapSchema);
  return bootstrap !== null && bootstrap !== 'unreadable' ? bootstrap.clusterId : null;
}

/** null: there is none; 'unreadable': a file is there and makes no sense. */
export function readJson<T>(file: string, schema: z.ZodType<T>): T | 'unreadable' | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return errno(error) === 'ENOENT' ? null : 'unreadable';
  }
  const parsed = parseAs(text, schema);
  return 'value' in parsed ? parsed.value : 'unreadable';
}

/** Has this member a write-ahead log? etcd makes one before it speaks to anybody. */
export function hasWal(etcdDir: string): boolean {
  try {
    return readdirSync(join(etcdDir, 'member', 'wal')).some((name) => name.endsWith('.wal'));
  } catch (error) {
    // A directory that is there and cannot be read is data all the same: etcd says what is wrong with it.
    return errno(error) !== 'ENOENT';
  }
}
