/** What broke on a node, and in which class: the class decides whether the build is to blame (P10). */
import type { TaskPhase } from './states.ts';

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
