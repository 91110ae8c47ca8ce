/** A node in flight: drained, switched, on trial. What comes next for it, or what it is waited for. */
import { describeFailure, describeStep } from './describe.ts';
import { findNode, isCommitted, noAnswer, waited } from './facts.ts';
import { commitMarginMs } from './lint.ts';
import type { NodeObservation, Observation } from './observation.ts';
import { isBack, planRollingBack, wentBack } from './plan-back.ts';
import { gateBefore } from './plan-next.ts';
import type { NodeTask, UpdateRecord } from './record.ts';
import { judgeNode } from './stability.ts';
import type { Step } from './step.ts';
import { failStep, rollBack, waitFor } from './steps.ts';

/** A voter whose lag has not become smaller for this long stands still, ms. */
const standsStillMs = 5_000;
/** A node that was switched and does not restart is asked again after this long, ms: longer than a clean stop takes. */
const restartAgainMs = 15_000;

export function planActive(observation: Observation, record: UpdateRecord, task: NodeTask): Step {
  const node = findNode(observation, task.nodeId);
  if (task.phase === 'draining') return planDraining(observation, record, task, node);
  if (task.phase === 'rolling-back') return planRollingBack(observation, record, task, node);

  const gone = wentBack(record, task, node);
  if (gone !== null) {
    // Its place is held until it is well again: nobody else goes down before that (P1).
    if (isBack(task, node)) return { kind: 'rolledBack', nodeId: task.nodeId, failure: gone };
    return { kind: 'rollback', nodeId: task.nodeId, address: task.address, failure: gone };
  }
  if (record.requested === 'abort' && !isCommitted(record, task, node)) {
    return rollBack(task, 'operator', 'an operator aborted the update', 'the update to go on', []);
  }
  return task.phase === 'activating'
    ? planActivating(observation, record, task, node)
    : planTrial(observation, record, task, node);
}

function planDraining(
  observation: Observation,
  record: UpdateRecord,
  task: NodeTask,
  node: NodeObservation | undefined,
): Step {
  if (record.requested === 'abort') {
    const next = 'start a new update when you are ready';
    return failStep(task, 'operator', 'aborted by an operator', 'the update to go on', next, []);
  }
  if (record.state === 'stopping') {
    // Another worker, in flight beside this one, failed: what was not switched yet is not switched any more.
    const why = record.failure === null ? 'the update stops' : `the update stops: ${describeFailure(record.failure)}`;
    return failStep(task, 'unknown', why, 'the update to go on', `see what is said of ${record.failure?.nodeId}`, []);
  }
  if (node?.health != null && !node.health.draining) {
    // The request did not arrive, or the node restarted since: ask again, for so long.
    if (waited(observation, `first:drain:${task.nodeId}`) < record.options.gateTimeoutMs) {
      return { kind: 'drain', nodeId: task.nodeId, address: task.address };
    }
    const wanted = `it to drain within ${record.options.gateTimeoutMs} ms`;
    return failStep(task, 'activate', `${task.nodeId} does not drain`, wanted, `see the log of ${task.nodeId}`, []);
  }
  const closed = gateBefore(observation, record, task);
  const running = node?.health?.runningTasks ?? 0;
  const key = `drain:${task.nodeId}`;
  if (closed !== null) {
    // A time of its own: a passing fault at the end of a long drain is not the end of the update.
    const held = `held:${task.nodeId}`;
    if (waited(observation, held) >= record.options.drainTimeoutMs) {
      return failStep(task, 'quorum', closed.seen, closed.what, 'mend what is named, then start the update again', []);
    }
    return waitFor(observation, held, task.nodeId, closed.what, closed.seen, record.options.drainTimeoutMs);
  }
  if (running > 0 && waited(observation, key) < record.options.drainTimeoutMs) {
    const what = `${task.nodeId} to finish its tasks`;
    return waitFor(observation, key, task.nodeId, what, `${running} running`, record.options.drainTimeoutMs);
  }
  return { kind: 'activate', nodeId: task.nodeId, address: task.address, release: task.to };
}

function planActivating(
  observation: Observation,
  record: UpdateRecord,
  task: NodeTask,
  node: NodeObservation | undefined,
): Step {
  const health = node?.health ?? null;
  const key = `health:${task.nodeId}`;
  const limit = record.options.healthTimeoutMs;
  const short = task.to.slice(0, 12);
  const overdue = waited(observation, key) >= limit;

  if (health !== null) {
    const restarted = health.incarnation !== task.incarnationBefore;
    const onTarget = health.release.buildHash === task.to;
    if ((restarted && onTarget && health.healthy) || isCommitted(record, task, node)) {
      return { kind: 'trial', nodeId: task.nodeId, incarnation: health.incarnation };
    }
    // Never switched, or the leader died between its intent and the act: ask again, the verb does nothing twice.
    // Switched and never started: the verb may have ended before it asked for the restart.
    const trial = health.trial?.updateId === record.id && health.trial.switched ? health.trial : null;
    const last = waited(observation, `last:activate:${task.nodeId}`);
    const lost = !restarted && trial?.bootsUsed === 0 && waited(observation, key) >= restartAgainMs;
    const again = trial === null || (lost && (last === 0 || last >= restartAgainMs));
    const activate: Step = { kind: 'activate', nodeId: task.nodeId, address: task.address, release: task.to };
    const askedMs = waited(observation, `first:activate:${task.nodeId}`);
    const { gateTimeoutMs } = record.options;
    if (!onTarget && again && !overdue && askedMs < (trial === null ? gateTimeoutMs : limit)) {
      return trial === null ? (drainAgain(observation, record, task, health) ?? activate) : activate;
    }
    if (!onTarget && trial === null && !restarted && askedMs >= gateTimeoutMs) {
      // Nobody said no, and nobody said yes: a node that runs as before is not kept out of service for longer.
      const last = record.waiting?.what === describeStep(activate) ? record.waiting.seen : 'not restarted yet';
      return rollBack(task, 'activate', last, `${task.nodeId} to be switched within ${gateTimeoutMs} ms`, []);
    }
  }
  const seen =
    health === null
      ? `no answer: ${noAnswer(node)}`
      : health.incarnation === task.incarnationBefore
        ? 'not restarted yet'
        : health.reasons.join('; ') || `runs ${health.release.buildHash.slice(0, 12)}`;
  const what = `${task.nodeId} to be healthy on ${short}`;
  if (!overdue) return waitFor(observation, key, task.nodeId, what, seen, limit);
  // A process that was never replaced says nothing against the build that it should have made way for.
  const started = health?.incarnation !== task.incarnationBefore;
  const kind = health === null ? 'start' : started ? 'health' : 'activate';
  return rollBack(task, kind, seen, `${what} within ${limit} ms`, []);
}

/** A node that was killed before its switch takes tasks again: they are given their time once more. null: none runs. */
function drainAgain(
  observation: Observation,
  record: UpdateRecord,
  task: NodeTask,
  { draining, runningTasks }: NonNullable<NodeObservation['health']>,
): Step | null {
  if (!draining) return { kind: 'drain', nodeId: task.nodeId, address: task.address };
  const key = `drain-again:${task.nodeId}`;
  const limit = record.options.drainTimeoutMs;
  if (runningTasks === 0 || waited(observation, key) >= limit) return null;
  return waitFor(observation, key, task.nodeId, `${task.nodeId} to finish its tasks`, `${runningTasks} running`, limit);
}

function planTrial(
  observation: Observation,
  record: UpdateRecord,
  task: NodeTask,
  node: NodeObservation | undefined,
): Step {
  const what = `${task.nodeId} to be stable on ${task.to.slice(0, 12)}`;
  const limit = record.options.stabilizeTimeoutMs;
  const key = `stable:${task.nodeId}`;
  if (node === undefined) return rollBack(task, 'join', 'not a member of the cluster', what, []);
  const verdict = judgeNode(observation, node, task.incarnationTrial, task.to, record.options);
  const commit: Step = { kind: 'commit', nodeId: task.nodeId, address: task.address };
  if (isCommitted(record, task, node)) {
    // The commit was done and not recorded: there is no trial to end, and the record follows the node (P5).
    // On the walk back it may have gone there by itself: a commit of this update is nothing that it could take any more.
    const wentByItself = node.health?.lastRollback?.updateId === record.id;
    const there: Step = task.direction === 'back' && wentByItself ? { ...commit, done: true } : commit;
    if (node.health?.healthy === true || waited(observation, key) >= limit) return there;
    return waitFor(observation, key, task.nodeId, what, verdict.stable ? 'stable' : verdict.seen, limit);
  }
  if (verdict.stable) {
    const asked = waited(observation, `first:commit:${task.nodeId}`);
    if (asked < record.options.gateTimeoutMs) return commit;
    return rollBack(task, 'unknown', `it did not take the commit for ${asked} ms`, `${task.nodeId} committed`, []);
  }
  if (node.health !== null && node.health.incarnation !== task.incarnationTrial) {
    // "Stable" is about one incarnation: a process that had to be started again has failed its trial (P4).
    return rollBack(task, 'stability', verdict.seen, what, []);
  }
  const more = catchesUpForMs(node);
  if (waited(observation, key) < limit || more > 0) {
    const atMostMs = Math.max(limit, waited(observation, key) + more);
    return waitFor(observation, key, task.nodeId, what, verdict.seen, more > 0 ? atMostMs : limit);
  }
  return rollBack(task, verdict.kind, verdict.seen, `${what} within ${limit} ms`, []);
}

/**
 * How much longer a voter whose lag shrinks may go on, ms: as long as its own trial leaves time for the commit.
 * 0: it stands still, or it is something else that it lacks.
 */
function catchesUpForMs(node: NodeObservation): number {
  const { health, lag, lagStandsStillMs } = node;
  const moves = lag !== null && lag > 0 && lagStandsStillMs !== null && lagStandsStillMs < standsStillMs;
  if (!moves || health?.healthy !== true || health.trial === null) return 0;
  return Math.max(0, health.trial.commitInMs - commitMarginMs);
}
