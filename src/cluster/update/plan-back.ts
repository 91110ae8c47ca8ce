/** A node on its way back: asked where it can be asked, and recognised when its own guard did it (P3). */
import { isCommitted, noAnswer, waited } from './facts.ts';
import type { Failure, FailureKind } from './failure.ts';
import type { NodeObservation, Observation } from './observation.ts';
import type { NodeTask, UpdateRecord } from './record.ts';
import type { Step } from './step.ts';
import { failStep, failureOf, nextAfter, waitFor } from './steps.ts';

/** A build at fault, as told by the limit that ended its trial. */
const kindOfCause: Record<string, FailureKind> = {
  boots: 'start',
  'healthy-deadline': 'health',
  'commit-deadline': 'stability',
  probation: 'stability',
  operator: 'operator',
  // A disk that garbles files says nothing against the build.
  'trial-unreadable': 'unknown',
  damaged: 'unknown',
};

/** A node that answers but is still on trial is asked again to go back after this long, ms. */
const askAgainMs = 5_000;

export function planRollingBack(
  observation: Observation,
  record: UpdateRecord,
  task: NodeTask,
  node: NodeObservation | undefined,
): Step {
  const recorded =
    task.failure ?? failureOf(task, 'unknown', 'no reason recorded', 'a reason', `see the log of ${task.nodeId}`, []);
  const health = node?.health ?? null;
  // It was taken for a build that does not start, and here it runs, well: it was the way to it that was cut (P10).
  const runsAfterAll = health?.healthy === true && health.release.buildHash === task.to && recorded.kind === 'start';
  const failure: Failure = runsAfterAll
    ? { ...recorded, kind: 'unknown', next: `see what keeps others from reaching ${task.nodeId}, then update again` }
    : recorded;
  const key = `rollback:${task.nodeId}`;
  const limit = record.options.rollbackTimeoutMs;
  const overdue = waited(observation, key) >= limit;
  const remembered = wentBack(record, task, node);
  if (isBack(task, node) || (overdue && remembered !== null && isBack({ ...task, incarnationBefore: '' }, node))) {
    const evidence = [...new Set([...failure.evidence, ...(remembered?.evidence ?? [])])];
    return { kind: 'rolledBack', nodeId: task.nodeId, failure: { ...failure, evidence } };
  }
  if (remembered === null && wasNeverSwitched(record, task, node)) {
    // It never ran, so whatever its silence looked like is not the build's fault.
    const kind = ['start', 'health', 'join', 'stability'].includes(failure.kind) ? 'activate' : failure.kind;
    return { kind: 'failed', nodeId: task.nodeId, failure: { ...failure, kind, phase: 'activating' } };
  }
  if (health?.healthy === true && task.incarnationTrial !== '' && isCommitted(record, task, node)) {
    // It was on trial and took the commit that it never answered to: there is nothing to go back from, and the record follows it (P5).
    return { kind: 'commit', nodeId: task.nodeId, address: task.address };
  }
  const seen = health === null ? `no answer: ${noAnswer(node)}` : describeWayBack(task, health);
  if (overdue) {
    const next = `log in on ${task.nodeId}: \`claudecluster node status\`, then \`claudecluster node rollback\`; its guard's last words are in log/daemon.log`;
    return failStep(
      task,
      failure.kind,
      seen,
      `${task.nodeId} on its known-good release within ${limit} ms`,
      next,
      failure.evidence,
    );
  }
  // It answers and is still on trial: it can be asked. Otherwise its own guard does it.
  const asked = waited(observation, `last:rollback:${task.nodeId}`);
  if (health?.trial?.updateId === record.id && (asked === 0 || asked > askAgainMs || runsAfterAll)) {
    return { kind: 'rollback', nodeId: task.nodeId, address: task.address, failure };
  }
  const what = `${task.nodeId} to run its known-good release again`;
  return waitFor(observation, key, task.nodeId, what, seen, limit);
}

/**
 * Did the node end this trial by itself? It restarted, is not on trial and does not run the target. Its own memory
 * says why; one that was on trial and lost that memory is back all the same.
 */
export function wentBack(record: UpdateRecord, task: NodeTask, node: NodeObservation | undefined): Failure | null {
  const health = node?.health ?? null;
  if (health === null || health.trial !== null || health.release.buildHash === task.to) return null;
  const last = health.lastRollback;
  if (last === null || last.updateId !== record.id || last.release !== task.to) {
    if (health.incarnation === task.incarnationBefore) return null;
    // A way back is remembered even where the disk was full. Without a memory, most likely the switch never happened: the
    // node was killed before it. It is asked again, within the time that its health has, and under a trial as before.
    if (task.phase === 'activating') return null;
    const seen = `restarted on ${health.release.buildHash.slice(0, 12)}, with no memory of why`;
    return failureOf(
      task,
      'unknown',
      seen,
      `${task.nodeId} on ${task.to.slice(0, 12)}`,
      `see the log of ${task.nodeId}`,
      [],
    );
  }
  const ended = last.signal !== null ? `signal ${last.signal}` : `exit code ${last.exitCode}`;
  const kind = kindOfCause[last.cause] ?? 'stability';
  return failureOf(
    task,
    kind,
    `${last.why} (last run: ${ended})`,
    `${task.nodeId} to prove itself on ${task.to.slice(0, 12)}`,
    nextAfter(kind, task.nodeId),
    last.logTail,
  );
}

/** Its known-good release runs as a new process, well, and nothing is left of the trial: no restart is due (P1). */
export function isBack(task: NodeTask, node: NodeObservation | undefined): boolean {
  const health = node?.health ?? null;
  if (health === null || health.trial !== null || !health.healthy) return false;
  const onTarget = health.release.buildHash === task.to || health.installed === task.to;
  return !onTarget && health.incarnation !== task.incarnationBefore;
}

/** The same process as before, on the same release, and nothing of this update on its disk. */
function wasNeverSwitched(record: UpdateRecord, task: NodeTask, node: NodeObservation | undefined): boolean {
  const health = node?.health ?? null;
  if (health === null || !health.healthy || health.trial?.updateId === record.id) return false;
  const onTarget = health.release.buildHash === task.to || health.installed === task.to;
  return !onTarget && health.incarnation === task.incarnationBefore;
}

function describeWayBack(task: NodeTask, health: NonNullable<NodeObservation['health']>): string {
  if (health.trial !== null)
    return `still on trial, its guard ends it in ${Math.round(health.trial.commitInMs / 1000)} s`;
  if (health.release.buildHash === task.to) {
    return health.installed === task.to ? 'its release is committed: there is no trial to end' : 'not restarted yet';
  }
  if (health.installed === task.to) return 'its dist was not switched back';
  if (health.incarnation === task.incarnationBefore) return 'not restarted yet';
  return health.reasons.join('; ') || 'not healthy yet';
}
