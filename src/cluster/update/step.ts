/** What to do next, as plain data: a step can be stored, printed, compared and replayed. steps.ts makes those that several rules make. */

import type { Failure } from './failure.ts';
import type { Outcome } from './states.ts';

/** What to do next. Plain data; `execute.ts` has one executor for each kind, and the compiler checks that. */
export type Step =
  | { kind: 'stage'; nodes: { nodeId: string; address: string }[]; release: string; from: string }
  | { kind: 'rehearse'; nodes: { nodeId: string; address: string }[]; release: string }
  | { kind: 'canaryPassed' }
  | { kind: 'moveRaftLeader'; from: string; to: string }
  | { kind: 'drain'; nodeId: string; address: string }
  | { kind: 'activate'; nodeId: string; address: string; release: string }
  | { kind: 'trial'; nodeId: string; incarnation: string }
  /** done: the node is where it should be and has no trial to end, so there is only the record to write. */
  | { kind: 'commit'; nodeId: string; address: string; done?: true }
  | { kind: 'rollback'; nodeId: string; address: string; failure: Failure }
  | { kind: 'rolledBack'; nodeId: string; failure: Failure }
  | { kind: 'failed'; nodeId: string; failure: Failure }
  | { kind: 'handOver'; to: string }
  | { kind: 'revert' }
  | { kind: 'finish'; outcome: Outcome; operatorMust: string | null }
  | { kind: 'await'; key: string; waiting: Waiting };

export type StepKind = Step['kind'];

export interface Waiting {
  nodeId: string | null;
  /** In words: "n2 to become healthy on 1f3c…". */
  what: string;
  /** What is seen now, in words. */
  seen: string;
  waitedMs: number;
  atMostMs: number;
}
