/** What an observation says about a node: small questions that the planner asks. */
import type { NodeObservation, Observation } from './observation.ts';
import type { NodeTask, UpdateRecord } from './record.ts';

export function findNode(observation: Observation, nodeId: string): NodeObservation | undefined {
  return observation.nodes.find((node) => node.nodeId === nodeId);
}

export function isWell(observation: Observation, nodeId: string): boolean {
  const healthy = findNode(observation, nodeId)?.health?.healthy === true;
  return healthy && !observation.peers.some((peer) => peer.nodeId === nodeId && !peer.healthy);
}

/** It runs the target for good: no trial, `dist` on it, and no memory of having gone back in this update. */
export function isCommitted(record: UpdateRecord, task: NodeTask, node: NodeObservation | undefined): boolean {
  const health = node?.health ?? null;
  if (health === null || health.trial !== null) return false;
  const last = health.lastRollback;
  if (last !== null && last.updateId === record.id && last.release === task.to) return false;
  return health.release.buildHash === task.to && health.installed === task.to;
}

/**
 * A voter whose member is not in the group as it is seen. Where no node of the cluster has a member, etcd runs apart
 * from it, and stopping a node stops no voter.
 */
export function lacksRaftMember(observation: Observation, node: Pick<NodeTask, 'nodeId' | 'role'>): boolean {
  if (node.role !== 'voter' || observation.peers.some((peer) => peer.nodeId === node.nodeId)) return false;
  const ours = observation.peers.some((peer) => findNode(observation, peer.nodeId) !== undefined);
  return observation.peers.length === 0 || ours;
}

export function describePeers(observation: Observation): string {
  const names = observation.peers.map((peer) => peer.nodeId).join(', ');
  return names === '' ? 'no Raft member is known' : `the Raft group is ${names}`;
}

export function noAnswer(node: NodeObservation | undefined): string {
  return node === undefined ? 'not a member' : node.healthError || 'no reason given';
}

export function reasonsOf(health: { reasons: string[] }): string {
  return health.reasons.join('; ') || 'unhealthy, no reason given';
}

export function waited(observation: Observation, key: string): number {
  return observation.waits[key] ?? 0;
}
