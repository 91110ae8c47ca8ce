/**
 * Where a node stands in an update and an update itself, and the legal moves of both. `change.ts` asserts them, and
 * `scripts/draw-states.js` draws docs/states.svg from them, so the picture cannot drift.
 */

/** Where a node stands in an update. The legal moves are in `taskTransitions`. */
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

export type UpdateState =
  | 'running' // going forward
  | 'stopping' // a node failed: going back
  | 'reverting' // walking updated nodes back
  | 'done' // every node committed
  | 'refused'
  | 'aborted' // stopped; what was updated stays
  | 'reverted';

export type Outcome = 'committed' | 'refused' | 'rolled-back' | 'reverted' | 'failed';

export const taskTransitions: Record<TaskPhase, readonly TaskPhase[]> = {
  pending: ['staged', 'failed', 'skipped'],
  staged: ['draining', 'failed'],
  draining: ['activating', 'failed'],
  activating: ['trial', 'rolling-back', 'rolled-back', 'failed'],
  trial: ['committed', 'rolling-back', 'rolled-back'],
  committed: ['rolled-back'], // on probation: it could not stay up, and went back by itself
  'rolling-back': ['rolled-back', 'failed', 'committed'], // committed: it had taken the commit before it was silent
  'rolled-back': [],
  failed: [],
  skipped: [],
};

export const updateTransitions: Record<UpdateState, readonly UpdateState[]> = {
  running: ['stopping', 'reverting', 'done', 'aborted'],
  stopping: ['reverting', 'aborted'],
  reverting: ['reverted', 'aborted'],
  done: [],
  refused: [],
  aborted: [],
  reverted: [],
};

/** Phases in which the node may be down, or on a release that is not committed, by our doing. */
export const inFlightPhases: readonly TaskPhase[] = ['draining', 'activating', 'trial', 'rolling-back'];

export const endedStates: readonly UpdateState[] = ['done', 'refused', 'aborted', 'reverted'];
