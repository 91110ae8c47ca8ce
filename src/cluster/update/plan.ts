/**
 * observation + record -> the next step. Pure: the same input gives the same step, on any node, at any time. A crash
 * needs no code of its own, because the next leader calls this with what it sees and with what was recorded (P5).
 *
 * Reading order: plan → plan-active.ts (a node is in flight), plan-back.ts (it goes back) → planForward (nobody is) →
 * plan-next.ts (the gates of the next node, and the hand-over). facts.ts and steps.ts are the small parts.
 */
import { describeStep } from './describe.ts';
import { findNode, isWell, noAnswer, waited } from './facts.ts';
import type { Observation } from './observation.ts';
import { planActive } from './plan-active.ts';
import { wentBack } from './plan-back.ts';
import { planNext } from './plan-next.ts';
import type { NodeTask, UpdateRecord } from './record.ts';
import { inFlightPhases } from './states.ts';
import type { Step } from './step.ts';
import { failStep, waitFor } from './steps.ts';

/** What comes of a batch is one transaction, two events for a node that failed, and etcd takes 128 writes of one by default. */
const stagedAtOnceMost = 60;

export function plan(observation: Observation, record: UpdateRecord): Step {
  const active = record.tasks.filter((task) => inFlightPhases.includes(task.phase));
  const steps = active.map((task) => planActive(observation, record, task));
  // Each wait of several workers begins at once, by being planned once: none of their times starts when another's ends.
  const unbegun = steps.find((one) => one.kind === 'await' && waited(observation, one.key) === 0);
  const acts = steps.find((one) => one.kind !== 'await') ?? planMoreWorkers(observation, record, active);
  const step = acts ?? unbegun ?? steps[0];
  if (step !== undefined) return step;
  // Also when the update stops already: its record must tell the truth about every node in the end.
  const fallen = planFallen(observation, record);
  if (fallen !== null) return fallen;
  const failedOnTheWayBack = record.tasks.some(
    (task) => task.direction === 'back' && (task.phase === 'failed' || task.phase === 'rolled-back'),
  );
  if (record.state === 'stopping' || failedOnTheWayBack) return planAfterFailure(record);
  return planForward(observation, record);
}

function planAfterFailure(record: UpdateRecord): Step {
  const wentForward = record.tasks.some((task) => task.direction === 'forward' && task.phase === 'committed');
  const stuck = record.tasks.find((task) => task.phase === 'failed' && task.failure?.phase === 'rolling-back');
  // A node that did not go back may still restart at any moment: no other one is taken out of service (P1).
  if (stuck?.failure) {
    return { kind: 'finish', outcome: 'failed', operatorMust: stuck.failure.next };
  }
  // An abort leaves what was updated, whatever a failure would have led to.
  const byItself = record.options.onFailure === 'revert' && record.requested !== 'abort';
  const asked = record.requested === 'revert' || byItself;
  if (asked && wentForward && !record.revertBegun) return { kind: 'revert' };
  if (record.revertBegun) {
    const stoppedAt = record.tasks.findLast((task) => task.failure !== null)?.nodeId ?? 'a node';
    return {
      kind: 'finish',
      outcome: 'failed',
      operatorMust: `the way back stopped at ${stoppedAt}: see \`claudecluster updates show ${record.id}\`, mend that node, then start an update to the release that you want`,
    };
  }
  const rolledBack = record.tasks.some((task) => task.phase === 'rolled-back');
  return { kind: 'finish', outcome: rolledBack ? 'rolled-back' : 'failed', operatorMust: null };
}

function planForward(observation: Observation, record: UpdateRecord): Step {
  if (record.requested === 'abort') return stopHere(observation, record, 'an operator asked for it');
  if (record.requested === 'revert' && !record.revertBegun) {
    const wentForward = record.tasks.some((task) => task.phase === 'committed');
    return wentForward ? { kind: 'revert' } : stopHere(observation, record, 'an operator asked to revert');
  }

  const unstaged = record.tasks.filter((task) => task.phase === 'pending');
  const answers = (task: NodeTask): boolean => findNode(observation, task.nodeId)?.health != null;
  // The way back needs no transfer: a node that does not answer keeps nobody else from going.
  const due = record.revertBegun ? unstaged.filter(answers) : unstaged;
  if (due.length > 0) return planStaging(observation, record, due);
  if (record.options.rehearse && !record.rehearsed && !record.revertBegun) return planRehearsal(observation, record);

  const open = record.tasks.filter((task) => task.phase === 'staged');
  if (open.length === 0) {
    if (unstaged.length > 0) return planStaging(observation, record, unstaged);
    return { kind: 'finish', outcome: record.revertBegun ? 'reverted' : 'committed', operatorMust: null };
  }
  if (record.requested === 'pause') {
    return waitFor(observation, 'pause', null, 'an operator to resume', `paused, ${open.length} nodes to go`, 0);
  }
  const canary = planCanary(observation, record, open.length);
  if (canary !== null) return canary;
  // The leader is the last one, wherever it stands in the list.
  const others = open.filter((task) => task.nodeId !== observation.self);
  // On the way back a node that is not well comes first, for its quorum is what the others wait for; one that does not
  // answer cannot be asked, and nobody waits for it.
  const reachable = others.filter(answers);
  const sick = reachable.find((task) => task.direction === 'back' && !isWell(observation, task.nodeId));
  const inTurn = record.revertBegun ? (reachable[0] ?? others[0]) : others[0];
  const next = sick ?? inTurn ?? open[0];
  return next === undefined ? stopHere(observation, record, 'no node left') : planNext(observation, record, next);
}

/** A node that was committed and went back by itself, on probation, stops the walk there and then. */
function planFallen(observation: Observation, record: UpdateRecord): Step | null {
  if (record.revertBegun) return null;
  for (const task of record.tasks) {
    if (task.phase !== 'committed') continue;
    const node = findNode(observation, task.nodeId);
    // With or without a memory of why: what it runs is what counts, and the record must tell the truth.
    if (node?.health?.healthy !== true) continue;
    const failure = wentBack(record, task, node);
    if (failure !== null) return { kind: 'rolledBack', nodeId: task.nodeId, failure };
  }
  return null;
}

/** While workers alone are in flight there may be more of them at once; a voter is always alone (P1). */
function planMoreWorkers(observation: Observation, record: UpdateRecord, active: NodeTask[]): Step | null {
  const { canary, maxUnavailableWorkers } = record.options;
  const calm = record.failure === null && record.requested === null && (!canary || record.canaryPassed);
  if (!calm || active.length === 0 || active.length >= maxUnavailableWorkers) return null;
  if (active.some((task) => task.role !== 'worker')) return null;
  const next = record.tasks.find((task) => task.phase === 'staged');
  if (next === undefined || next.role !== 'worker') return null;
  const step = planNext(observation, record, next);
  return step.kind === 'drain' ? step : null;
}

/** Nobody is out of service yet, so a node that does not answer is waited for as long as at any gate, and no longer. */
function planRehearsal(observation: Observation, record: UpdateRecord): Step {
  const staged = record.tasks.filter((task) => task.phase === 'staged');
  const nodes = staged.map(({ nodeId, address }) => ({ nodeId, address }));
  const step: Step = { kind: 'rehearse', nodes, release: record.target.buildHash };
  const silent = staged.find((task) => findNode(observation, task.nodeId)?.health == null);
  const blamed = silent ?? staged[0];
  const { gateTimeoutMs } = record.options;
  if (blamed === undefined || waited(observation, 'first:rehearse:') < gateTimeoutMs) return step;
  const last = record.waiting?.what === describeStep(step) ? record.waiting.seen : 'no answer';
  const seen = silent === undefined ? last : `no answer: ${noAnswer(findNode(observation, silent.nodeId))}`;
  const wanted = `the way back rehearsed within ${gateTimeoutMs} ms`;
  const next = `see the log of ${blamed.nodeId}, mend what it names, then start the update again`;
  return failStep(blamed, 'rehearsal', seen, wanted, next, []);
}

/** After the first node the walk stops, until an operator resumes it or the canary's time is over. */
function planCanary(observation: Observation, record: UpdateRecord, toGo: number): Step | null {
  const { canary, canaryMs } = record.options;
  const first = record.tasks.find((task) => task.phase === 'committed');
  if (!canary || record.canaryPassed || record.revertBegun || first === undefined) return null;
  if (canaryMs > 0 && waited(observation, 'canary') >= canaryMs) return { kind: 'canaryPassed' };
  const seen = `the canary ${first.nodeId} is committed, ${toGo} nodes to go`;
  return waitFor(observation, 'canary', first.nodeId, 'an operator to resume', seen, canaryMs);
}

function planStaging(observation: Observation, record: UpdateRecord, unstaged: NodeTask[]): Step {
  const atOnce = Math.min(record.options.stageConcurrency, stagedAtOnceMost);
  const batch = unstaged.filter((task) => task.to === unstaged[0]?.to).slice(0, atOnce);
  const release = batch[0]?.to ?? record.target.buildHash;
  const holders = observation.nodes.filter((node) => node.health?.staged.includes(release));
  const source = holders.find((node) => node.nodeId === observation.self) ?? holders[0];
  const patient = !record.revertBegun && waited(observation, 'source') < record.options.gateTimeoutMs;
  if (source === undefined && patient) {
    // The leader that had it died before anybody else did: it may be back in a moment, and its release with it (P5).
    const what = `a node that has ${release.slice(0, 12)}`;
    return waitFor(observation, 'source', null, what, 'none of those that answer', record.options.gateTimeoutMs);
  }
  const nodes = batch.map(({ nodeId, address }) => ({ nodeId, address }));
  return { kind: 'stage', nodes, release, from: source?.nodeId ?? observation.self };
}

/** Stops before anything is in flight: the task that would have come next carries the reason. */
function stopHere(observation: Observation, record: UpdateRecord, why: string): Step {
  const open = record.tasks.find((task) => task.phase === 'pending' || task.phase === 'staged');
  if (open === undefined) {
    return { kind: 'finish', outcome: record.revertBegun ? 'reverted' : 'committed', operatorMust: null };
  }
  return {
    kind: 'failed',
    nodeId: open.nodeId,
    failure: {
      nodeId: open.nodeId,
      kind: 'operator',
      phase: open.phase,
      seen: why,
      wanted: 'the update to go on',
      next: 'start a new update when you are ready',
      evidence: [`leader ${observation.self}, epoch ${observation.epoch}`],
    },
  };
}
