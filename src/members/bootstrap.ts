/**
 * How a node may start its member of the Raft group, made safe on its disk. Founding a cluster is explicit and happens once:
 * never because a join failed, never because data is missing (docs/field.md: three clusters of one). etcd-start.ts decides,
 * bootstrap-files.ts reads and writes the two files.
 */

import { z } from 'zod';
import { writeJsonAtomic } from '../base/files.ts';
import { parseAs } from '../base/parse-as.ts';
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import {
  type BootstrapPaths,
  bootstrapSchema,
  type ClusterFile,
  clusterFileSchema,
  hasWal,
  knownClusterId,
  readJson,
} from './bootstrap-files.ts';
import { type EtcdStart, planEtcdStart, type StartFacts } from './etcd-start.ts';

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
    writeJsonAtomic(paths.cluster, { clusterId: start.clusterId, member: nodeId, state } satisfies ClusterFile);
  }
  return start;
}

/** Call when the member serves for the first time: from now on missing data means lost data. */
export function confirmMember(paths: BootstrapPaths, nodeId: string): void {
  const known = readJson(paths.cluster, clusterFileSchema);
  if (known === null || known === 'unreadable' || known.state === 'member') return;
  writeJsonAtomic(paths.cluster, { clusterId: known.clusterId, member: nodeId, state: 'member' } satisfies ClusterFile);
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
  const parsed = parseAs(stored.value, storedClusterSchema);
  const theirs = 'value' in parsed ? parsed.value.clusterId : undefined;
  if (theirs === undefined || (own !== null && own !== theirs)) {
    throw new ClusterError('operator-needed', 'the store belongs to another cluster', {
      seen: theirs ?? stored.value.slice(0, 100),
      wanted: own ?? 'a cluster id',
      next: 'correct the endpoints in config.yaml, or start this node with an empty data directory',
    });
  }
  if (own === null) {
    writeJsonAtomic(paths.cluster, { clusterId: theirs, member: null, state: 'founding' } satisfies ClusterFile);
  }
  return theirs;
}
