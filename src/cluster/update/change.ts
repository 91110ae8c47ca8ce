/**
 * What happens to a record, in small parts: each takes it and returns what it becomes. Pure. Illegal moves of a phase or a state
 * (states.ts) are our own bug and throw.
 */

import type { EventDraft } from './event.ts';
import type { Failure } from './failure.ts';
import { currentTask, type NodeTask, type UpdateRecord } from './record.ts';
import { type Outcome, type TaskPhase, taskTransitions, type UpdateState, updateTransitions } from './states.ts';

export interface Change {
  record: UpdateRecord;
  events: EventDraft[];
  /** Build to be quarantined in the same transaction (P10). */
  quarantine: Failure | null;
}

export const same = (record: UpdateRecord): Change => ({ record, events: [], quarantine: null });

/** The node is back in service, or was never out of it. */
export function release(record: UpdateRecord, nodeId: string): UpdateRecord {
  return record.reservation === nodeId ? { ...record, reservation: null } : record;
}

export function phaseOf(record: UpdateRecord, nodeId: string): TaskPhase {
  return currentTask(record, nodeId).phase;
}

export function changeTask(record: UpdateRecord, nodeId: string, change: (task: NodeTask) => NodeTask): UpdateRecord {
  const current = currentTask(record, nodeId);
  return { ...record, tasks: record.tasks.map((task) => (task === current ? change(task) : task)) };
}

export function addDurations(record: UpdateRecord, nodeId: string, durations: Record<string, number>): UpdateRecord {
  return changeTask(record, nodeId, (task) => {
    const sum = { ...task.durations };
    for (const [part, ms] of Object.entries(durations)) sum[part] = (sum[part] ?? 0) + ms;
    return { ...task, durations: sum };
  });
}

export function withPhase(record: UpdateRecord, nodeId: string, phase: TaskPhase): UpdateRecord {
  return changeTask(record, nodeId, (task) => {
    if (!taskTransitions[task.phase].includes(phase)) {
      throw new Error(`illegal move of ${nodeId} in ${record.id}: ${task.phase} -> ${phase}`);
    }
    return { ...task, phase };
  });
}

export function phaseChange(record: UpdateRecord, nodeId: string, phase: TaskPhase, text: string): Change {
  const next = withPhase(record, nodeId, phase);
  return { record: next, events: [{ kind: 'phase', nodeId, text: `${nodeId}: ${text}`, phase }], quarantine: null };
}

export function withState(record: UpdateRecord, state: UpdateState): UpdateRecord {
  if (!updateTransitions[record.state].includes(state)) {
    throw new Error(`illegal move of update ${record.id}: ${record.state} -> ${state}`);
  }
  return { ...record, state };
}

export function stopping(record: UpdateRecord, failure: Failure): UpdateRecord {
  // The first node that failed is the reason; what is learned of it later replaces what was thought of it.
  const better = record.failure?.nodeId === failure.nodeId && failure.phase !== 'rolling-back';
  const first = record.failure === null || better ? failure : record.failure;
  return record.state === 'running'
    ? withState({ ...record, failure: first }, 'stopping')
    : { ...record, failure: first };
}

/** Its end, with what an operator must do; null: nothing. */
export function finish(record: UpdateRecord, outcome: Outcome, operatorMust: string | null): Change {
  const state: UpdateState = outcome === 'committed' ? 'done' : outcome === 'reverted' ? 'reverted' : 'aborted';
  const next = withState(
    { ...record, outcome, operatorMust, waiting: null, reservation: null, requested: null },
    state,
  );
  const text = operatorMust === null ? `ended: ${outcome}` : `ended: ${outcome}; an operator must act: ${operatorMust}`;
  return { record: next, events: [{ kind: 'ended', nodeId: null, text, outcome }], quarantine: null };
}
