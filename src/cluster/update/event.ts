import type { Failure } from './failure.ts';
import type { Outcome, TaskPhase } from './states.ts';
import type { Step, Waiting } from './step.ts';

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

/** An event without what the journal adds: number, time, leader. */
export type EventDraft = Pick<UpdateEvent, 'kind' | 'nodeId' | 'text'> & Partial<UpdateEvent>;
