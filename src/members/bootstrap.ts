/**
 * How a node may start its member of the Raft group. Founding a cluster is explicit and happens once: never because a
 * join failed, never because data is missing (docs/field.md: three clusters of one).
 *
 * data/bootstrap.json says which cluster to found or join; written by `dev up` and `claudecluster bootstrap`.
 * data/cluster.json   says which cluster this node belongs to; fsynced before etcd runs for the first time.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

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

/** What is on the disk; 'unreadable' when a file is there and makes no sense. */
export interface StartFacts {
  nodeId: string;
  /** host:port of our member for the other members, from the configuration. */
  peer: string;
  bootstrap: Bootstrap | 'unreadable' | null;
  cluster: ClusterFile | 'unreadable' | null;
  /** The member has a write-ahead log. etcd makes one before it speaks to anybody. */
  hasData: boolean;
}

export type EtcdStart =
  | { kind: 'existing'; clusterId: string }
  | { kind: 'new' | 'join'; clusterId: string; initialCluster: { name: string; peer: string }[] }
  /** Do not start etcd: unhealthy, with the reason and what an operator can do. */
  | { kind: 'wait'; reason: string; next: string };

const wait = (reason: string, next: string): EtcdStart => ({ kind: 'wait', reason, next });

/** Decides from what is on the disk. Pure. */
export function planEtcdStart(facts: StartFacts): EtcdStart {
  const { nodeId, bootstrap, cluster, hasData } = facts;
  if (cluster === 'unreadable') {
    return wait('data/cluster.json cannot be read', 'restore data/cluster.json; do not delete it while data is there');
  }
  if (bootstrap === 'unreadable') return wait('data/bootstrap.json cannot be read', 'write data/bootstrap.json again');
  if (cluster !== null && bootstrap !== null && cluster.clusterId !== bootstrap.clusterId) {
    return wait(
      `this node belongs to cluster ${cluster.clusterId}, and data/bootstrap.json names ${bootstrap.clusterId}`,
      'remove the bootstrap.json that does not belong here',
    );
  }
  if (cluster?.member && cluster.member !== nodeId) {
    return wait(
      `the data here belongs to member ${cluster.member}, and the configuration says ${nodeId}`,
      'set nodeId back, or use an empty base directory for the new node',
    );
  }
  const clusterId = cluster?.clusterId ?? bootstrap?.clusterId;
  if (clusterId === undefined) {
    return hasData
      ? wait('etcd has data here, but no file says which cluster it belongs to', 'restore data/cluster.json')
      : wait('this node belongs to no cluster yet', 'run `claudecluster bootstrap` or `claudecluster dev up` once');
  }
  if (hasData) return { kind: 'existing', clusterId };
  if (cluster?.state === 'member') {
    // The member may have voted and acknowledged writes that it no longer knows of: it must not come back under its name.
    return wait(
      `the etcd data of ${nodeId} is gone, and it was a member of cluster ${clusterId}`,
      `restore data/etcd, or remove member ${nodeId} from the group, add it anew, remove data/cluster.json and write data/bootstrap.json with kind join`,
    );
  }
  return firstStart(facts, clusterId);
}

function firstStart({ nodeId, peer, bootstrap }: StartFacts, clusterId: string): EtcdStart {
  if (bootstrap === null || bootstrap === 'unreadable') {
    return wait(`${nodeId} was about to join cluster ${clusterId}, and bootstrap.json is gone`, 'write it again');
  }
  const own = bootstrap.initialCluster.find((one) => one.name === nodeId);
  if (!own) {
    const names = bootstrap.initialCluster.map((one) => one.name).join(', ');
    return wait(`data/bootstrap.json does not name ${nodeId} (it names ${names})`, 'correct nodeId or bootstrap.json');
  }
  if (own.peer !== peer) {
    return wait(
      `data/bootstrap.json has ${nodeId} at ${own.peer}, the configuration at ${peer}`,
      'make etcd.peer and bootstrap.json agree',
    );
  }
  return { kind: bootstrap.kind, clusterId, initialCluster: bootstrap.initialCluster };
}

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

/** Reads the facts. A missing file is null; anything else that is wrong with one is 'unreadable'. */
export function readStartFacts(paths: BootstrapPaths, nodeId: string, peer: string): StartFacts {
  return {
    nodeId,
    peer,
    bootstrap: readJson(paths.bootstrap, bootstrapSchema),
    cluster: readJson(paths.cluster, clusterFileSchema),
    hasData: hasWal(paths.etcd),
  };
}

/**
 * Plans the start and makes it safe to carry out: when etcd is to run for the first time, cluster.json is on the disk
 * before this returns, so that no later start can found a second cluster.
 */
export function prepareEtcdStart(paths: BootstrapPaths, nodeId: string, peer: string): EtcdStart {
  const facts = readStartFacts(paths, nodeId, peer);
  const start = planEtcdStart(facts);
  if (start.kind === 'wait') return start;
  const state = start.kind === 'existing' ? 'member' : 'founding';
  const known = facts.cluster;
  if (known === null || known === 'unreadable' || known.state !== state || known.member !== nodeId) {
    writeDurably(paths.cluster, { clusterId: start.clusterId, member: nodeId, state } satisfies ClusterFile);
  }
  return start;
}

/** Call when the member serves for the first time: from now on missing data means lost data. */
export function confirmMember(paths: BootstrapPaths, nodeId: string): void {
  const known = readJson(paths.cluster, clusterFileSchema);
  if (known === null || known === 'unreadable' || known.state === 'member') return;
  writeDurably(paths.cluster, { clusterId: known.clusterId, member: nodeId, state: 'member' } satisfies ClusterFile);
}

/** The cluster that this node belongs to, as far as its disk knows. */
export function knownClusterId(paths: BootstrapPaths): string | null {
  const cluster = readJson(paths.cluster, clusterFileSchema);
  if (cluster !== null && cluster !== 'unreadable') return cluster.clusterId;
  const bootstrap = readJson(paths.bootstrap, bootstrapSchema);
  return bootstrap !== null && bootstrap !== 'unreadable' ? bootstrap.clusterId : null;
}

const storedClusterSchema = z.looseObject({ clusterId: z.string() });

/**
 * Compares our cluster with the one that the store belongs to; the first node of all writes it, once, in a transaction.
 * A node without a cluster yet (a worker's first start) takes the store's and keeps it. Returns the cluster's id.
 * Throws ClusterError 'operator-needed' when they differ: such a node must not serve.
 */
export async function checkClusterId(store: Store, clock: Clock, paths: BootstrapPaths): Promise<string> {
  const own = knownClusterId(paths);
  if (own !== null) {
    const value = JSON.stringify({ clusterId: own, createdAt: clock.wallIso() });
    await store.txn([{ key: keys.cluster, modRevision: 0 }], [{ put: keys.cluster, value }]);
  }
  const stored = await store.get(keys.cluster);
  if (stored === null) {
    throw new ClusterError('operator-needed', 'neither this node nor the store knows which cluster this is', {
      next: 'start a node that has data/bootstrap.json first',
    });
  }
  const theirs = parse(stored.value, storedClusterSchema)?.clusterId;
  if (theirs === undefined || (own !== null && own !== theirs)) {
    throw new ClusterError('operator-needed', 'the store belongs to another cluster', {
      seen: theirs ?? stored.value.slice(0, 100),
      wanted: own ?? 'a cluster id',
      next: 'correct the endpoints in config.yaml, or start this node with an empty data directory',
    });
  }
  if (own === null) {
    writeDurably(paths.cluster, { clusterId: theirs, member: null, state: 'founding' } satisfies ClusterFile);
  }
  return theirs;
}

function parse<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function readJson<T>(file: string, schema: z.ZodType<T>): T | 'unreadable' | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : 'unreadable';
  }
  return parse(text, schema) ?? 'unreadable';
}

function hasWal(etcdDir: string): boolean {
  try {
    return readdirSync(join(etcdDir, 'member', 'wal')).some((name) => name.endsWith('.wal'));
  } catch (error) {
    // A directory that is there and cannot be read is data all the same: etcd says what is wrong with it.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** Whole or not at all, and on the disk when this returns. */
function writeDurably(file: string, value: object): void {
  const temporary = `${file}.tmp`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeSync(fd, `${JSON.stringify(value)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, file);
  const dir = openSync(dirname(file), 'r');
  try {
    fsyncSync(dir);
  } finally {
    closeSync(dir);
  }
}
