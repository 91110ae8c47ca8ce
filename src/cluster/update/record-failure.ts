/** What the record becomes when a node failed: why it stops, and whether the build is to blame (P10). Pure. */

import { addDurations, type Change, changeTask, phaseChange, release, stopping } from './change.ts';
import { describeFailure } from './describe.ts';
import type { EventDraft } from './event.ts';
import type { Failure, FailureKind } from './failure.ts';
import { currentTask, type UpdateRecord } from './record.ts';

/** Failures that speak against the build, and not against the network, the disk or the operator. */
const buildsFault: readonly FailureKind[] = ['self-test', 'start', 'health', 'join', 'stability'];

export function beginRollback(record: UpdateRecord, failure: Failure): Change {
  const told = changeTask(record, failure.nodeId, (task) => ({ ...task, failure }));
  const change = phaseChange(stopping(told, failure), failure.nodeId, 'rolling-back', 'the switch was refused');
  const event: EventDraft = { kind: 'failure', nodeId: failure.nodeId, text: describeFailure(failure), failure };
  return { ...change, events: [event, ...change.events] };
}

export function recordRolledBack(
  record: UpdateRecord,
  nodeId: string,
  failure: Failure,
  durations: Record<string, number>,
): Change {
  const told = changeTask(addDurations(record, nodeId, durations), nodeId, (task) => ({ ...task, failure }));
  const stopped = stopping(release(told, nodeId), failure);
  const change = phaseChange(stopped, nodeId, 'rolled-back', 'runs its known-good release again');
  const events: EventDraft[] = [{ kind: 'failure', nodeId, text: describeFailure(failure), failure }, ...change.events];
  return { record: change.record, events, quarantine: atFault(stopped, nodeId, failure) };
}

export function failedTask(record: UpdateRecord, nodeId: string, failure: Failure): Change {
  const told = changeTask(record, nodeId, (task) => ({ ...task, failure }));
  const stopped = stopping(release(told, nodeId), failure);
  const change = phaseChange(stopped, nodeId, 'failed', `failed: ${failure.kind}`);
  const events: EventDraft[] = [{ kind: 'failure', nodeId, text: describeFailure(failure), failure }, ...change.events];
  return { record: change.record, events, quarantine: atFault(stopped, nodeId, failure) };
}

/** Only the target is quarantined: a way back that fails says nothing against the build that it came from. */
export function atFault(record: UpdateRecord, nodeId: string, failure: Failure): Failure | null {
  const task = currentTask(record, nodeId);
  return task.direction === 'forward' && buildsFault.includes(failure.kind) ? failure : null;
}
