/**
 * The words of an update: options, record, observation, step. All of it is plain JSON, so that every step can be
 * stored, printed, compared and replayed. Nothing here acts, waits or asks the time.
 */
import type { NodeHealth } from '../../ports/agent.ts';
import type { NodeRole, NodeStatus } from '../../ports/membership.ts';
import type { RaftPeer } from '../../ports/raft.ts';
import type { ReleaseRef, VersionInfo } from '../../ports/releases.ts';

// ---------------------------------------------------------------------------------------------- options

/** Every number of an update. Times in milliseconds. */
export interface UpdateOptions {
  /** From the activation to `healthy` on the new incarnation. Default 60,000. */
  healthTimeoutMs: number;
  /** From `healthy` to stable. Default 45,000. */
  stabilizeTimeoutMs: number;
  /** The node's own deadline for the commit, from the switch. Default 120,000. */
  trialMs: number;
  /** Starts of the build on trial before the node goes back. Default 3. */
  bootsMax: number;
  /** Consecutive heartbeats of one incarnation that stability needs. Default 3. */
  heartbeats: number;
  /** Raft entries that a voter may be behind the leader to count as caught up. Default 1,000. */
  maxLagEntries: number;
  /** Staging one node, transfer and verification. Default 600,000. */
  stageTimeoutMs: number;
  /** Nodes staged at once. Default 4. */
  stageConcurrency: number;
  /** Running tasks may finish for this long before they are ended. Default 30,000. */
  drainTimeoutMs: number;
  /** A gate (quorum, catching up, hand-over) may be waited for this long before the update stops. Default 60,000. */
  gateTimeoutMs: number;
  /** Rolling back one node, from the request to healthy on the known-good release. Default 180,000. */
  rollbackTimeoutMs: number;
  /** What happens to the nodes already updated when one fails. Default 'abort'. */
  onFailure: 'abort' | 'revert';
  /** Let the cluster be without quorum while one of one or two voters restarts. Default false. */
  acceptDowntime: boolean;
  /** Check the way back on every node before the first one is taken out of service. Default false. */
  rehearse: boolean;
  /** Stop after the first node until an operator resumes, or for canaryMs. Default false. */
  canary: boolean;
  /** How long the canary is watched before the walk goes on by itself; 0: until an operator resumes. Default 0. */
  canaryMs: number;
  /** Only these nodeIds; empty: all. Default empty. */
  only: string[];
  /** At most so many nodes; 0: all. Default 0. */
  max: number;
  /** Leave nodes that are offline to the straggler's update later, where the quorum allows. Default false. */
  skipOffline: boolean;
  /** Workers that may be out of service at once; voters are always one at a time. Default 1. */
  maxUnavailableWorkers: number;
}

// ---------------------------------------------------------------------------------------------- record

/** Where a node stands in an update. The legal moves are the table in states.ts. */
export type TaskPhase =
  | 'pending' // nothing done yet
  | 'staged' // the verified tree is on its disk
  | 'draining' // it takes no new task; the reservation is held
  | 'activating' // the switch was asked for
  | 'trial' // the new incarnation runs the new release
  | 'committed'
  | 'rolling-back'
  | 'rolled-back'
  | 'failed' // failed before anything was switched
  | 'skipped'; // was there already

/** What broke, in the classes that decide about quarantine. */
export type FailureKind =
  | 'fetch'
  | 'verify'
  | 'self-test'
  | 'rehearsal'
  | 'activate'
  | 'start'
  | 'health'
  | 'join'
  | 'stability'
  | 'quorum'
  | 'operator'
  | 'internal' // a fault of ours: it says nothing against the build
  | 'unknown';

export interface Failure {
  nodeId: string;
  kind: FailureKind;
  /** Phase in which it happened. */
  phase: TaskPhase;
  seen: string;
  wanted: string;
  next: string;
  /** Last lines of output, exit codes, deadlines: whatever was at hand. */
  evidence: string[];
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

export type Outcome = 'committed' | 'refused' | 'rolled-back' | 'reverted' | 'failed';

export type UpdateState =
  | 'running' // going forward
  | 'stopping' // a node failed: going back
  | 'reverting' // walking updated nodes back
  | 'done' // every node committed
  | 'refused'
  | 'aborted' // stopped; what was updated stays
  | 'reverted';

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

export interface Waiting {
  nodeId: string | null;
  /** In words: "n2 to become healthy on 1f3c…". */
  what: string;
  /** What is seen now, in words. */
  seen: string;
  waitedMs: number;
  atMostMs: number;
}

/** One numbered line of an update's story. */
export interface UpdateEvent {
  number: number;
  updateId: string;
  at: string;
  by: string;
  epoch: number;
  kind: 'started' | 'step' | 'phase' | 'waiting' | 'failure' | 'leader' | 'ended';
  nodeId: string | null;
  /** One line for people. */
  text: string;
  step?: Step;
  phase?: TaskPhase;
  waiting?: Waiting;
  failure?: Failure;
  outcome?: Outcome;
}

// ---------------------------------------------------------------------------------------------- observation

/** Everything that may influence a decision about one node. */
export interface NodeObservation {
  nodeId: string;
  address: string;
  role: NodeRole;
  status: NodeStatus;
  lastSeenMsAgo: number | null;
  protocol: { min: number; max: number };
  /** What the membership record says that it runs. */
  release: ReleaseRef | null;
  /** Its own answer just now; null: no answer. */
  health: NodeHealth | null;
  /** Why there was no answer. */
  healthError: string;
  /**
   * Consecutive heartbeats that this leader saw of the incarnation that answers now, since that incarnation first
   * answered healthy; 0 when it is not healthy now. A heartbeat is a linearizable write by the node (P4).
   */
  heartbeats: number;
  /** Entries behind the Raft leader; null: a worker, or unknown. */
  lag: number | null;
  /** Milliseconds since the lag last became smaller; null without lag. */
  lagStandsStillMs: number | null;
}

export interface Observation {
  self: string;
  /** Epoch under which self leads; 0: it does not lead. */
  epoch: number;
  nodes: NodeObservation[];
  peers: RaftPeer[];
  /** nodeId of the Raft leader; null: none known. */
  raftLeader: string | null;
  heartbeatMs: number;
  /**
   * Milliseconds, under this leader, since each await (by its `key`) began, and since a step was first done
   * (`first:<kind>:<nodeId>`) and last done (`last:<kind>:<nodeId>`). A key that is not there: 0.
   */
  waits: Record<string, number>;
}

// ---------------------------------------------------------------------------------------------- steps

/** What to do next. Plain data; `execute.ts` has one executor for each kind, and the compiler checks that. */
export type Step =
  | { kind: 'stage'; nodes: { nodeId: string; address: string }[]; release: string; from: string }
  | { kind: 'rehearse'; nodes: { nodeId: string; address: string }[]; release: string }
  | { kind: 'canaryPassed' }
  | { kind: 'moveRaftLeader'; from: string; to: string }
  | { kind: 'drain'; nodeId: string; address: string }
  | { kind: 'activate'; nodeId: string; address: string; release: string }
  | { kind: 'trial'; nodeId: string; incarnation: string }
  | { kind: 'commit'; nodeId: string; address: string }
  | { kind: 'rollback'; nodeId: string; address: string; failure: Failure }
  | { kind: 'rolledBack'; nodeId: string; failure: Failure }
  | { kind: 'failed'; nodeId: string; failure: Failure }
  | { kind: 'handOver'; to: string }
  | { kind: 'revert' }
  | { kind: 'finish'; outcome: Outcome; operatorMust: string | null }
  | { kind: 'await'; key: string; waiting: Waiting };

export type StepKind = Step['kind'];

// ---------------------------------------------------------------------------------------------- plan for people

/** One reason why an update may not begin (P8). */
export interface Refusal {
  code: RefusalCode;
  nodeId: string | null;
  seen: string;
  wanted: string;
  next: string;
}

export type RefusalCode =
  | 'not-leader'
  | 'quorum-unsafe'
  | 'node-offline'
  | 'node-draining'
  | 'node-pending'
  | 'node-stale'
  | 'node-unhealthy'
  | 'node-on-trial'
  | 'voter-lagging'
  | 'learner-in-group'
  | 'no-raft-leader'
  | 'update-running'
  | 'by-hand'
  | 'already-at-target'
  | 'release-invalid'
  | 'protocol'
  | 'needs'
  | 'disk'
  | 'quarantined'
  | 'timing'
  | 'unknown-node'
  | 'no-way-back'
  | 'plan-changed';

/** What an update would do: the answer to a dry run. */
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

/** What preflight looks at, beside the observation. */
export interface PreflightInput {
  observation: Observation;
  /** Nodes whose known-good release could not be looked at, and why. */
  notLooked?: Record<string, string>;
  options: UpdateOptions;
  /** The target as the leader's own disk has it, verified just now; or why not. */
  release: { version: VersionInfo; sizeBytes: number } | { invalid: string; next: string };
  /** The update that runs, if any. */
  running: { id: string; startedBy: string; startedAt: string } | null;
  quarantine: { buildHash: string; why: string } | null;
  /** The voter that an operator took out of service by hand: the cluster can spare one (P1). Default: none. */
  byHand?: { nodeId: string; seen: string; next: string } | null;
  /** Who leads, when it is not us. */
  leader: string | null;
  /** The plan that was agreed to; null: any will do. */
  planHash: string | null;
}

export interface UpdateRequest {
  /** Only phase 0: no effect on any node. */
  dryRun?: boolean;
  /** Release in the leader's store; default: what the leader's `dist` points to. */
  buildHash?: string;
  /** Go only if the plan has this hash. */
  planHash?: string;
  options?: Partial<UpdateOptions>;
  /** Who asks, for the record. */
  by?: string;
  kind?: UpdateRecord['kind'];
}

export interface UpdateResult {
  plan: UpdatePlan;
  /** null for a dry run, and when preflight refused. */
  record: UpdateRecord | null;
}
