/** P1: the arithmetic of losing one voter. */
import type { NodeObservation, Observation } from './observation.ts';

/** How many voters are a quorum of `voters`: of the full membership, whoever is there. */
export const quorumOf = (voters: number): number => Math.floor(voters / 2) + 1;

export interface QuorumView {
  voters: number;
  /** Voters that are healthy now, those named in `without` not counted. */
  healthyOthers: number;
  /** floor(voters / 2) + 1, of the full membership. */
  quorum: number;
  /** May every voter of `without` be down? */
  safe: boolean;
  /** Voters that do not count, and why: "n3: offline". */
  missing: string[];
}

/** What the arithmetic looks at. */
export interface QuorumInput {
  peers: Observation['peers'];
  nodes: Pick<NodeObservation, 'nodeId' | 'status'>[];
}

/** Counts the voters that would carry the quorum if `nodeId` (null: nobody) were down. */
export function quorumWithout(observation: QuorumInput, nodeId: string | null): QuorumView {
  const voters = observation.peers.filter((peer) => peer.kind === 'voter');
  const missing: string[] = [];
  let healthyOthers = 0;
  for (const voter of voters) {
    if (voter.nodeId === nodeId) continue;
    const node = observation.nodes.find((one) => one.nodeId === voter.nodeId);
    if (!voter.healthy) missing.push(`${voter.nodeId}: ${voter.reason || 'Raft member not healthy'}`);
    else if (node !== undefined && node.status === 'offline') missing.push(`${voter.nodeId}: offline`);
    else healthyOthers += 1;
  }
  const quorum = quorumOf(voters.length);
  return { voters: voters.length, healthyOthers, quorum, safe: healthyOthers >= quorum, missing };
}

/** "2 of 3 voters healthy without n2, quorum 2 (n3: offline)" */
export function describeQuorum(view: QuorumView, nodeId: string | null): string {
  const without = nodeId === null ? '' : ` without ${nodeId}`;
  const why = view.missing.length > 0 ? ` (${view.missing.join('; ')})` : '';
  return `${view.healthyOthers} of ${view.voters} voters healthy${without}, quorum ${view.quorum}${why}`;
}
