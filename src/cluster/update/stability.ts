/** P4: what a node on trial must have shown before it is committed. */
import type { RaftPeer } from '../../ports/raft.ts';
import { describePeers, lacksRaftMember } from './facts.ts';
import type { FailureKind } from './failure.ts';
import type { NodeObservation, Observation } from './observation.ts';
import type { UpdateOptions } from './options.ts';

export type Stability = { stable: true } | { stable: false; kind: FailureKind; seen: string };

/**
 * Is this node, on this incarnation, proved? A heartbeat counts only when the incarnation that answers now wrote it
 * after it answered healthy, so a heartbeat from before the restart proves nothing. Each one is a linearizable write
 * of the node through its own member.
 *
 * @param incarnation the incarnation on trial; '' accepts the one that answers
 * @param buildHash the release that must be running
 */
export function judgeStability(
  node: NodeObservation,
  peer: RaftPeer | undefined,
  incarnation: string,
  buildHash: string,
  options: Pick<UpdateOptions, 'heartbeats' | 'maxLagEntries'>,
): Stability {
  const no = (kind: FailureKind, seen: string): Stability => ({ stable: false, kind, seen });
  const { health } = node;
  if (health === null) return no('stability', `no answer: ${node.healthError}`);
  if (incarnation !== '' && health.incarnation !== incarnation) {
    return no('stability', `restarted: incarnation ${health.incarnation} in place of ${incarnation}`);
  }
  if (health.release.buildHash !== buildHash) return no('stability', `runs ${health.release.buildHash.slice(0, 12)}`);
  if (!health.healthy) return no('health', health.reasons.join('; ') || 'unhealthy, no reason given');
  if (node.status !== 'active') return no('join', `membership says ${node.status}`);
  if (node.role === 'voter' && peer !== undefined) {
    if (!peer.healthy) return no('join', `its Raft member is not healthy: ${peer.reason}`);
    if (node.lag === null) return no('join', 'its Raft lag is unknown');
    if (node.lag > options.maxLagEntries) {
      return no('join', `${node.lag} Raft entries behind the leader, at most ${options.maxLagEntries}`);
    }
  }
  if (node.heartbeats < options.heartbeats) {
    return no('stability', `heartbeat ${node.heartbeats} of ${options.heartbeats}`);
  }
  return { stable: true };
}

/** The same, and a voter without a member in the group is not caught up either. */
export function judgeNode(
  observation: Observation,
  node: NodeObservation,
  incarnation: string,
  buildHash: string,
  options: Pick<UpdateOptions, 'heartbeats' | 'maxLagEntries'>,
): Stability {
  const peer = observation.peers.find((one) => one.nodeId === node.nodeId);
  const verdict = judgeStability(node, peer, incarnation, buildHash, options);
  if (!verdict.stable || peer !== undefined || !lacksRaftMember(observation, node)) return verdict;
  return { stable: false, kind: 'join', seen: `it has no Raft member: ${describePeers(observation)}` };
}
