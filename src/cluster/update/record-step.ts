/**
 * What the record becomes when a step is about to be done (`recordIntent`) and when it was done (`recordOutcome`).
 * Pure: the journal writes the results with compare-and-swap.
 */

import {
  addDurations,
  type Change,
  changeTask,
  finish,
  phaseChange,
  phaseOf,
  release,
  same,
  stopping,
  withPhase,
  withState,
} from './change.ts';
import { describeStep, nodeOf } from './describe.ts';
import type { Failure } from './failure.ts';
import type { Observation } from './observation.ts';
import { currentTask, type NodeTask, type UpdateRecord } from './record.ts';
import { beginRollback, failedTask, recordRolledBack } from './record-failure.ts';
import type { TaskPhase } from './states.ts';
import type { Step } from './step.ts';

/** What an executor saw. `retry`: nothing is decided, look again (a passing fault is not the end). */
export type StepOutcome =
  | { kind: 'ok'; ms: number }
  | { kind: 'retry'; ms: number; seen: string }
  | { kind: 'refused'; ms: number; failure: Failure }
  | { kind: 'staged'; ms: number; results: StageResult[] };

export interface StageResult {
  nodeId: string;
  ms: number;
  bytesTransferred: number;
  failure: Failure | null;
}

/** The step as intent, and with it whatever must be on record before anything is touched (P1, P5). */
export function recordIntent(record: UpdateRecord, step: Step, observation: Observation): Change {
  let next: UpdateRecord = { ...record, intent: step, waiting: null };
  if (step.kind === 'drain') {
    // The reservation is about voters: workers carry no quorum (P1).
    if (currentTask(next, step.nodeId).role === 'voter') next = { ...next, reservation: step.nodeId };
    if (phaseOf(next, step.nodeId) === 'staged') next = withPhase(next, step.nodeId, 'draining');
  } else if (step.kind === 'activate') {
    const seen = observation.nodes.find((node) => node.nodeId === step.nodeId)?.health;
    const change = (task: NodeTask): NodeTask => ({
      ...task,
      incarnationBefore: seen?.incarnation ?? task.incarnationBefore,
      from: seen?.release ?? task.from,
    });
    next = changeTask(next, step.nodeId, change);
    if (phaseOf(next, step.nodeId) === 'draining') next = withPhase(next, step.nodeId, 'activating');
  } else if (step.kind === 'rollback') {
    next = changeTask(next, step.nodeId, (task) => ({ ...task, failure: step.failure }));
    if (phaseOf(next, step.nodeId) !== 'rolling-back') next = withPhase(next, step.nodeId, 'rolling-back');
    next = stopping(next, step.failure);
  }
  const text = describeStep(step);
  return { record: next, events: [{ kind: 'step', nodeId: nodeOf(step), text, step }], quarantine: null };
}

/** The record after the step; `partDurations` are ms of waiting that ended with it, by part. */
export function recordOutcome(
  record: UpdateRecord,
  step: Step,
  outcome: StepOutcome,
  partDurations: Record<string, number> = {},
): Change {
  const base: UpdateRecord = { ...record, intent: null };
  if (isThere(base, step)) return same(base);
  if (outcome.kind === 'retry') return lookAgain(base, step, outcome.seen);
  if (outcome.kind === 'refused') {
    const { failure } = outcome;
    const phase = base.tasks.findLast((one) => one.nodeId === failure.nodeId)?.phase;
    // A switch that was refused may have been done in part: the node is looked at until it is known to be back.
    if (phase === 'activating') return beginRollback(base, failure);
    const decides = phase === 'pending' || phase === 'staged' || phase === 'draining';
    return decides ? failedTask(base, failure.nodeId, failure) : lookAgain(base, step, failure.seen);
  }
  if (outcome.kind === 'staged') return recordStaged(base, outcome.results);
  switch (step.kind) {
    case 'drain':
      return same(addDurations(base, step.nodeId, { drain: outcome.ms, ...partDurations }));
    case 'activate':
      return same(addDurations(base, step.nodeId, { activate: outcome.ms }));
    case 'trial': {
      const change = (task: NodeTask): NodeTask => ({ ...task, incarnationTrial: step.incarnation });
      const next = changeTask(addDurations(base, step.nodeId, partDurations), step.nodeId, change);
      return phaseChange(next, step.nodeId, 'trial', 'healthy on the new release, on trial');
    }
    case 'commit': {
      const next = addDurations(base, step.nodeId, { commit: outcome.ms, ...partDurations });
      // What was held against it on a way back that it did not go is no longer its failure; why the update stops, stays.
      const proved = changeTask(release(next, step.nodeId), step.nodeId, (task) => ({ ...task, failure: null }));
      return phaseChange(proved, step.nodeId, 'committed', 'proved itself: committed');
    }
    case 'rolledBack':
      return recordRolledBack(base, step.nodeId, step.failure, partDurations);
    case 'failed':
      return failedTask(base, step.nodeId, step.failure);
    case 'handOver':
      return same(base);
    case 'rehearse':
      return same({ ...base, rehearsed: true });
    case 'canaryPassed':
      return same({ ...base, canaryPassed: true });
    case 'revert':
      return beginRevert(base);
    case 'finish':
      return finish(base, step.outcome, step.operatorMust);
    default:
      return same(base);
  }
}

/** What a step of this kind leaves its node in. */
const leaves: Partial<Record<Step['kind'], TaskPhase>> = {
  trial: 'trial',
  commit: 'committed',
  rolledBack: 'rolled-back',
  failed: 'failed',
};

/** Our own write of it, whose answer was lost, may come after the record was read again: then it is done (P5). */
function isThere(record: UpdateRecord, step: Step): boolean {
  const phase = leaves[step.kind];
  return phase !== undefined && 'nodeId' in step && phaseOf(record, step.nodeId) === phase;
}

function lookAgain(record: UpdateRecord, step: Step, seen: string): Change {
  const waiting = { nodeId: nodeOf(step), what: describeStep(step), seen, waitedMs: 0, atMostMs: 0 };
  return same({ ...record, waiting });
}

function recordStaged(record: UpdateRecord, results: StageResult[]): Change {
  const all: Change = same(record);
  for (const result of results) {
    if (phaseOf(all.record, result.nodeId) !== 'pending') continue;
    let change: Change;
    if (result.failure === null) {
      const withBytes = changeTask(all.record, result.nodeId, (task) => ({
        ...task,
        bytesTransferred: task.bytesTransferred + result.bytesTransferred,
      }));
      const timed = addDurations(withBytes, result.nodeId, { stage: result.ms });
      change = phaseChange(
        timed,
        result.nodeId,
        'staged',
        `staged and verified, ${result.bytesTransferred} bytes moved`,
      );
    } else {
      change = failedTask(all.record, result.nodeId, result.failure);
    }
    all.record = change.record;
    all.events.push(...change.events);
    all.quarantine = change.quarantine ?? all.quarantine;
  }
  return all;
}

/** Reverse order of the walk, under the same gates, from what each node's disk kept. */
function beginRevert(record: UpdateRecord): Change {
  const updated = record.tasks.filter((task) => task.direction === 'forward' && task.phase === 'committed');
  const back: NodeTask[] = updated.toReversed().flatMap((task) =>
    task.from === null
      ? []
      : [
          {
            ...task,
            to: task.from.buildHash,
            from: { buildHash: task.to, version: record.target.version, gitCommit: record.target.gitCommit },
            direction: 'back' as const,
            phase: 'pending' as const,
            incarnationBefore: '',
            incarnationTrial: '',
            durations: {},
            bytesTransferred: 0,
            failure: null,
          },
        ],
  );
  const tasks = [...record.tasks.filter((task) => task.phase !== 'pending' && task.phase !== 'staged'), ...back];
  const requested = record.requested === 'revert' ? null : record.requested;
  const next = withState({ ...record, tasks, revertBegun: true, requested }, 'reverting');
  const text = `reverting ${back.map((task) => task.nodeId).join(', ')}`;
  return { record: next, events: [{ kind: 'step', nodeId: null, text }], quarantine: null };
}
