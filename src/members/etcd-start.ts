/** May etcd start here, and as what: decided from what is on the disk. Pure. */
import type { Bootstrap, ClusterFile } from './bootstrap-files.ts';

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

export const wait = (reason: string, next: string): EtcdStart => ({ kind: 'wait', reason, next });

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
