/**
 * The record of an update: plain JSON that holds the whole state of it, so that the next leader can go on from it (P5).
 * record-step.ts says what becomes of it with a step, change.ts has the small parts of that.
 */

import type { NodeRole } from '../../ports/membership.ts';
import type { ReleaseRef, VersionInfo } from '../../ports/releases.ts';
import type { Failure } from './failure.ts';
import type { UpdateOptions } from './options.ts';
import { endedStates, type Outcome, type TaskPhase, type UpdateState } from './states.ts';
import type { Step, Waiting } from './step.ts';

export interface UpdateRecord {
  v: 1;
  service: string;
  id: string;
  state: UpdateState;
  target: VersionInfo;
  /** straggler: begun by the leader itself, for a node that missed an update. */
  kind: 'update' | 'straggler';
  /** Nodes were left out on purpose: its end says nothing about what the cluster as a whole is to run. */
  partial: boolean;
  /** That every member and the target spoke when it began (features.ts). Absent: an older build began it, 1. */
  protocol?: number;
  /** Hash of the plan that the record was made from. */
  planHash: string;
  options: UpdateOptions;
  startedBy: string;
  startedAt: string;
  endedAt: string;
  /** The leader that acts, and its epoch. */
  leader: string;
  epoch: number;
  /** In the order of the walk. A revert appends its own. */
  tasks: NodeTask[];
  /** The voter that is down, or may be, by our doing (P1). */
  reservation: string | null;
  /** The step that is being done: written before it is done. */
  intent: Step | null;
  /** What is waited for right now, for people. */
  waiting: Waiting | null;
  /** Times that the leadership of the cluster was handed over or taken over. */
  leaderMoves: number;
  /** Times that another Raft leader was seen, and the last one seen. */
  raftLeaderChanges: number;
  raftLeader: string | null;
  failure: Failure | null;
  outcome: Outcome | null;
  /** Asked for by an operator, taken at the next safe point. */
  requested: 'pause' | 'abort' | 'revert' | null;
  /** What an operator must do, when there is no automatic way on. */
  operatorMust: string | null;
  /** Number of the last event written. */
  lastEvent: number;
  /** The way back was rehearsed on every node. */
  rehearsed: boolean;
  /** An operator, or time, let the walk go on after the first node. */
  canaryPassed: boolean;
  /** A revert has begun: it is done once, and one that fails is not reverted again. */
  revertBegun: boolean;
}

export interface NodeTask {
  nodeId: string;
  address: string;
  role: NodeRole;
  /** What ran before; `null` when the node was offline and never told. */
  from: ReleaseRef | null;
  /** buildHash that it is to run. */
  to: string;
  direction: 'forward' | 'back';
  phase: TaskPhase;
  /** The incarnation that ran before the switch: "restarted" means that it changed. */
  incarnationBefore: string;
  /** The incarnation seen healthy on trial: stability is about this one only (P4). */
  incarnationTrial: string;
  /** Milliseconds by the acting leader's clock, per part: stage, drain, activate, health, stability, commit, rollback. */
  durations: Record<string, number>;
  bytesTransferred: number;
  failure: Failure | null;
}

/** The task of a node that counts now: the way back comes after the way forward. */
export function currentTask(record: UpdateRecord, nodeId: string): NodeTask {
  const task = record.tasks.findLast((one) => one.nodeId === nodeId);
  if (task === undefined) throw new Error(`update ${record.id} has no task for ${nodeId}`);
  return task;
}

export function isEnded(record: UpdateRecord): boolean {
  return endedStates.includes(record.state);
}
