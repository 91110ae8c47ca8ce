/**
 * What the record becomes when a step is about to be done (`recordIntent`) and when it was done (`recordOutcome`).
 * Pure: the journal writes the results with compare-and-swap. Illegal moves of a phase or a state are our own bug
 * and throw.
 */
import { describeFailure, describeStep, nodeOf } from './describe.ts';
import { endedStates, taskTransitions, updateTransitions } from './states.ts';
import type {
  Failure,
  FailureKind,
  NodeTask,
  Observation,
  Outcome,
  Step,
  TaskPhase,
  UpdateEvent,
  UpdateRecord,
  UpdateState,
} from './types.ts';

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

/** An event without what the journal adds: number, time, leader. */
export type EventDraft = Pick<UpdateEvent, 'kind' | 'nodeId' | 'text'> & Partial<UpdateEvent>;

export interface Change {
  record: UpdateRecord;
  events: EventDraft[];
  /** Build to be quarantined in the same transaction (P10). */
  quarantine: Failure | null;
}

/** Failures that speak against the build, and not against the network, the disk or the operator. */
const buildsFault: readonly FailureKind[] = ['self-test', 'start', 'health', 'join', 'stability'];

const same = (record: UpdateRecord): Change => ({ record, events: [], quarantine: null });

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

function beginRollback(record: UpdateRecord, failure: Failure): Change {
  const told = changeTask(record, failure.nodeId, (task) => ({ ...task, failure }));
  const change = phaseChange(stopping(told, failure), failure.nodeId, 'rolling-back', 'the switch was refused');
  const event: EventDraft = { kind: 'failure', nodeId: failure.nodeId, text: describeFailure(failure), failure };
  return { ...change, events: [event, ...change.events] };
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

function recordRolledBack(
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

function failedTask(record: UpdateRecord, nodeId: string, failure: Failure): Change {
  const told = changeTask(record, nodeId, (task) => ({ ...task, failure }));
  const stopped = stopping(release(told, nodeId), failure);
  const change = phaseChange(stopped, nodeId, 'failed', `failed: ${failure.kind}`);
  const events: EventDraft[] = [{ kind: 'failure', nodeId, text: describeFailure(failure), failure }, ...change.events];
  return { record: change.record, events, quarantine: atFault(stopped, nodeId, failure) };
}

/** Only the target is quarantined: a way back that fails says nothing against the build that it came from. */
function atFault(record: UpdateRecord, nodeId: string, failure: Failure): Failure | null {
  const task = currentTask(record, nodeId);
  return task.direction === 'forward' && buildsFault.includes(failure.kind) ? failure : null;
}

function stopping(record: UpdateRecord, failure: Failure): UpdateRecord {
  // The first node that failed is the reason; what is learned of it later replaces what was thought of it.
  const better = record.failure?.nodeId === failure.nodeId && failure.phase !== 'rolling-back';
  const first = record.failure === null || better ? failure : record.failure;
  return record.state === 'running'
    ? withState({ ...record, failure: first }, 'stopping')
    : { ...record, failure: first };
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

// ------------------------------------------------------------------------------------- small parts

/** The node is back in service, or was never out of it. */
function release(record: UpdateRecord, nodeId: string): UpdateRecord {
  return record.reservation === nodeId ? { ...record, reservation: null } : record;
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

function phaseOf(record: UpdateRecord, nodeId: string): TaskPhase {
  return currentTask(record, nodeId).phase;
}

function changeTask(record: UpdateRecord, nodeId: string, change: (task: NodeTask) => NodeTask): UpdateRecord {
  const current = currentTask(record, nodeId);
  return { ...record, tasks: record.tasks.map((task) => (task === current ? change(task) : task)) };
}

function addDurations(record: UpdateRecord, nodeId: string, durations: Record<string, number>): UpdateRecord {
  return changeTask(record, nodeId, (task) => {
    const sum = { ...task.durations };
    for (const [part, ms] of Object.entries(durations)) sum[part] = (sum[part] ?? 0) + ms;
    return { ...task, durations: sum };
  });
}

function withPhase(record: UpdateRecord, nodeId: string, phase: TaskPhase): UpdateRecord {
  return changeTask(record, nodeId, (task) => {
    if (!taskTransitions[task.phase].includes(phase)) {
      throw new Error(`illegal move of ${nodeId} in ${record.id}: ${task.phase} -> ${phase}`);
    }
    return { ...task, phase };
  });
}

function phaseChange(record: UpdateRecord, nodeId: string, phase: TaskPhase, text: string): Change {
  const next = withPhase(record, nodeId, phase);
  return { record: next, events: [{ kind: 'phase', nodeId, text: `${nodeId}: ${text}`, phase }], quarantine: null };
}

function withState(record: UpdateRecord, state: UpdateState): UpdateRecord {
  if (!updateTransitions[record.state].includes(state)) {
    throw new Error(`illegal move of update ${record.id}: ${record.state} -> ${state}`);
  }
  return { ...record, state };
}
