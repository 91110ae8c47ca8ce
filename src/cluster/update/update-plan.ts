import type { NodeRole } from '../../ports/membership.ts';
import type { ReleaseRef, VersionInfo } from '../../ports/releases.ts';
import type { Refusal } from './refusal.ts';

/** What an update would do, for people: the answer to a dry run, with every reason why it may not begin (P8). */
export interface UpdatePlan {
  target: VersionInfo;
  /** SHA-256 over what matters of the plan: same cluster, same target, same options, same hash. */
  planHash: string;
  /** skip: runs the target already. left: why it is left out on purpose; '' when it is not. */
  order: { nodeId: string; role: NodeRole; from: ReleaseRef | null; skip: boolean; left: string; address: string }[];
  voters: number;
  healthyVoters: number;
  quorum: number;
  /** The highest protocol that every member and the target speak. Absent in the plans of older builds. */
  protocol?: number;
  /** Raft leader moves that are expected. */
  leaderMoves: string[];
  /** Upper bound, per node: the release's size; what its disk has already is not moved. */
  bytesAtMost: number;
  bestMs: number;
  worstMs: number;
  refusals: Refusal[];
  /** What is unusual but no reason to refuse. */
  notes: string[];
}
