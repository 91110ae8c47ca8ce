import type { ReleaseRef } from './releases.ts';

/** A trial as the node reports it. */
export interface TrialView {
  updateId: string;
  /** buildHash on trial, and the one that the node goes back to. */
  release: string;
  knownGood: string;
  epoch: number;
  /** Has `dist` been switched to the release on trial? */
  switched: boolean;
  bootsUsed: number;
  bootsMax: number;
  /** Milliseconds left for becoming healthy (null: it did) and for the commit. */
  healthyInMs: number | null;
  commitInMs: number;
}

/** A committed build whose starts still count: three without becoming healthy, and the node goes back to `previous`. */
export interface ProbationView {
  updateId: string;
  /** buildHash that is on probation, and the one before it. */
  release: string;
  previous: string;
}

/** What a node remembers of its last rollback. */
export interface RollbackView {
  updateId: string;
  release: string;
  knownGood: string;
  /** Which limit ended it: boots | healthy-deadline | commit-deadline | leader | operator | trial-unreadable | probation. */
  cause: string;
  why: string;
  /** Of the last run of the bad build. */
  exitCode: number | null;
  signal: string | null;
  logTail: string[];
  at: string;
}

/** A release on a node's disk that is not what its name says. */
export interface DamageView {
  /** buildHash. */
  release: string;
  why: string;
  /** It runs, or would be gone back to. */
  inUse: boolean;
}

/** HealthCheck's whole answer: the node as it sees itself. */
export interface NodeHealth {
  nodeId: string;
  service: string;
  incarnation: string;
  healthy: boolean;
  /** Why not; empty when healthy. */
  reasons: string[];
  /** What the answering process runs. */
  release: ReleaseRef;
  /** What `dist` points to: differs from `release` between a switch and the restart. */
  installed: string;
  trial: TrialView | null;
  /** Absent in the answers of builds that know no probation. */
  probation?: ProbationView | null;
  /** Why a trial on this node could not end by itself; '' when it could. Absent in the answers of older builds. */
  wayBack?: string;
  /** Releases on its disk that are not whole. Absent in the answers of older builds. */
  damage?: DamageView[];
  /** ms since it last hashed the release that it would go back to; null: not yet. Absent in the answers of older builds. */
  lastLookMsAgo?: number | null;
  lastRollback: RollbackView | null;
  /** Verified releases on its disk. */
  staged: string[];
  /** Highest epoch that the node has seen. */
  epoch: number;
  appliedIndex: number | null;
  draining: boolean;
  runningTasks: number;
  diskFreeBytes: number;
  /** Of these, what releases leave alone. Absent in the answers of builds up to 0.1.0. */
  diskReserveBytes?: number;
  heartbeatMs: number;
}

export interface Task {
  /** argv[0] 'claudecluster' is the node's own release. */
  argv: string[];
  cwd?: string;
  env?: Record<string, string>;
  /** Milliseconds until the process group is killed. */
  timeoutMs: number;
  stdin?: Uint8Array;
}

export interface TaskResult {
  /** null when a signal ended it. */
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  stdout: string;
  stderr: string;
}

/** One node's agent. Methods throw ClusterError: 'unavailable' when the node does not answer, 'draining', 'denied', … */
export interface AgentClient {
  executeTask(task: Task, options?: { signal?: AbortSignal }): Promise<TaskResult>;
  healthCheck(timeoutMs: number): Promise<NodeHealth>;
  drain(draining: boolean, updateId: string, epoch: number): Promise<{ runningTasks: number }>;
}

/** Connections by address (host:port). */
export interface ClientPool {
  getConnection(address: string): AgentClient;
  /** Drops the channel, so that the next call dials anew. */
  closeConnection(address: string): void;
}
