/**
 * observation + record -> the next step. Pure: the same input gives the same step, on any node, at any time. A crash
 * needs no code of its own, because the next leader calls this with what it sees and with what was recorded (P5).
 *
 * Reading order: plan → active (a node is in flight) → forward (nobody is) → gates of the next node → hand-over.
 */
import type { RaftPeer } from '../../ports/raft.ts';
import { describeQuorum, quorumWithout } from './quorum.ts';
import { judgeStability, type Stability } from './stability.ts';
import { inFlightPhases } from './states.ts';
import type { Failure, FailureKind, NodeObservation, NodeTask, Observation, Step, UpdateRecord } from './types.ts';

/** A build at fault, as told by the limit that ended its trial. */
const kindOfCause: Record<string, FailureKind> = {
  boots: 'start',
  'healthy-deadline': 'health',
  'commit-deadline': 'stability',
  operator: 'operator',
  // A disk that garbles files says nothing against the build.
  'trial-unreadable': 'unknown',
};

/** A node that answers but is still on trial is asked again to go back after this long, ms. */
const askAgainMs = 5_000;
/** A node that was switched and does not restart is asked again after this long, ms: longer than a clean stop takes. */
const restartAgainMs = 15_000;

export function plan(observation: Observation, record: UpdateRecord): Step {
  const active = record.tasks.find((task) => inFlightPhases.includes(task.phase));
  if (active !== undefined) return planActive(observation, record, active);
  const failedOnTheWayBack = record.tasks.some(
    (task) => task.direction === 'back' && (task.phase === 'failed' || task.phase === 'rolled-back'),
  );
  if (record.state === 'stopping' || failedOnTheWayBack) return planAfterFailure(record);
  return planForward(observation, record);
}

// ------------------------------------------------------------------------------------- nobody is in flight

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
  if (unstaged.length > 0) return planStaging(observation, record, unstaged);

  const open = record.tasks.filter((task) => task.phase === 'staged');
  if (open.length === 0) {
    return { kind: 'finish', outcome: record.revertBegun ? 'reverted' : 'committed', operatorMust: null };
  }
  if (record.requested === 'pause') {
    return waitFor(observation, 'pause', null, 'an operator to resume', `paused, ${open.length} nodes to go`, 0);
  }
  // The leader is the last one, wherever it stands in the list.
  const others = open.filter((task) => task.nodeId !== observation.self);
  // On the way back a node that is not well comes first: its quorum is what the others wait for.
  const sick = others.find((task) => task.direction === 'back' && !isWell(observation, task.nodeId));
  const next = sick ?? others[0] ?? open[0];
  return next === undefined ? stopHere(observation, record, 'no node left') : planNext(observation, record, next);
}

function planStaging(observation: Observation, record: UpdateRecord, unstaged: NodeTask[]): Step {
  const batch = unstaged.filter((task) => task.to === unstaged[0]?.to).slice(0, record.options.stageConcurrency);
  const release = batch[0]?.to ?? record.target.buildHash;
  const holders = observation.nodes.filter((node) => node.health?.staged.includes(release));
  const source = holders.find((node) => node.nodeId === observation.self) ?? holders[0];
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

// ------------------------------------------------------------------------------------- the next node, and its gates

function planNext(observation: Observation, record: UpdateRecord, task: NodeTask): Step {
  const closed = gateBefore(observation, record, task);
  if (closed !== null) {
    const key = `gate:${task.nodeId}`;
    if (waited(observation, key) < record.options.gateTimeoutMs) {
      return waitFor(observation, key, task.nodeId, closed.what, closed.seen, record.options.gateTimeoutMs);
    }
    return failStep(task, 'quorum', closed.seen, closed.what, 'mend what is named, then start the update again', []);
  }
  const limit = record.options.gateTimeoutMs;
  if (task.nodeId === observation.self) {
    const heir = chooseHeir(observation, record, task.nodeId);
    if (heir !== null && waited(observation, `first:handOver:${heir}`) < limit) return { kind: 'handOver', to: heir };
    // The seed's way: no one to hand over to, so switch and restart locally, under the same guard.
  } else if (observation.raftLeader === task.nodeId) {
    const heir = chooseHeir(observation, record, task.nodeId);
    if (heir !== null && waited(observation, `first:moveRaftLeader:${heir}`) < limit) {
      return { kind: 'moveRaftLeader', from: task.nodeId, to: heir };
    }
    if (heir !== null) {
      return failStep(
        task,
        'quorum',
        `the Raft leader stayed on ${task.nodeId}`,
        `it to move to ${heir}`,
        'see etcd.log on both nodes',
        [],
      );
    }
  }
  return { kind: 'drain', nodeId: task.nodeId, address: task.address };
}

/** What keeps this node from being taken out of service now; null: nothing. */
function gateBefore(
  observation: Observation,
  record: UpdateRecord,
  task: NodeTask,
): { what: string; seen: string } | null {
  const node = findNode(observation, task.nodeId);
  if (node?.health == null) {
    return { what: `${task.nodeId} to answer`, seen: noAnswer(node) };
  }
  if (node.health.trial !== null && node.health.trial.updateId !== record.id) {
    return { what: `${task.nodeId} to end its other trial`, seen: `on trial for ${node.health.trial.updateId}` };
  }
  // A node already updated that is no longer well stops the walk before it goes on. The way back does not wait for
  // the build that it leaves: there only those that went back before count.
  const sick = record.tasks
    .filter((other) => other.phase === 'committed' && other.direction === task.direction)
    .filter((other) => other.nodeId !== task.nodeId)
    .map((other) => findNode(observation, other.nodeId))
    .find((other) => other !== undefined && other.health?.healthy !== true);
  if (sick !== undefined) {
    const why = sick.health === null ? noAnswer(sick) : reasonsOf(sick.health);
    return { what: `${sick.nodeId}, updated before, to be healthy again`, seen: why };
  }
  if (!observation.peers.some((peer) => peer.nodeId === task.nodeId)) {
    if (!lacksRaftMember(observation, task)) return null;
    return { what: `the Raft member of ${task.nodeId}`, seen: describePeers(observation) };
  }
  if (observation.raftLeader === null) return { what: 'a Raft leader', seen: 'no Raft leader' };
  const view = quorumWithout(observation, task.nodeId);
  if (!view.safe && !(record.options.acceptDowntime && view.voters < 3)) {
    return { what: `the quorum to be safe without ${task.nodeId}`, seen: describeQuorum(view, task.nodeId) }; // P1
  }
  const behind = observation.nodes.find(
    (other) => other.nodeId !== task.nodeId && other.lag !== null && other.lag > record.options.maxLagEntries,
  );
  if (behind !== undefined) {
    return { what: `${behind.nodeId} to catch up`, seen: `${behind.lag} Raft entries behind the leader` };
  }
  return null;
}

/** A voter that can take over from `leaving`: healthy, caught up; one that already runs the target before others. */
function chooseHeir(observation: Observation, record: UpdateRecord, leaving: string): string | null {
  const able = observation.peers.filter((peer) => {
    const node = findNode(observation, peer.nodeId);
    return (
      peer.nodeId !== leaving &&
      peer.kind === 'voter' &&
      peer.healthy &&
      node?.health?.healthy === true &&
      node.status === 'active' &&
      node.lag !== null &&
      node.lag <= record.options.maxLagEntries
    );
  });
  const isThere = (peer: RaftPeer): boolean => {
    const task = record.tasks.findLast((one) => one.nodeId === peer.nodeId);
    return task === undefined || task.phase === 'committed' || task.phase === 'skipped';
  };
  // Where the Raft leader is already, nothing moves: prefer it among equals.
  const byUse = (one: RaftPeer): number => (isThere(one) ? 0 : 2) + (one.isRaftLeader ? 0 : 1);
  return able.sort((one, two) => byUse(one) - byUse(two) || (one.nodeId < two.nodeId ? -1 : 1))[0]?.nodeId ?? null;
}

// ------------------------------------------------------------------------------------- a node in flight

function planActive(observation: Observation, record: UpdateRecord, task: NodeTask): Step {
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
    if (!onTarget && again && !overdue && waited(observation, `first:activate:${task.nodeId}`) < limit) {
      return { kind: 'activate', nodeId: task.nodeId, address: task.address, release: task.to };
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
  const verdict = judgeTrial(observation, record, task, node);
  const commit: Step = { kind: 'commit', nodeId: task.nodeId, address: task.address };
  if (isCommitted(record, task, node)) {
    // The commit was done and not recorded: there is no trial to end, and the record follows the node (P5).
    if (node.health?.healthy === true || waited(observation, key) >= limit) return commit;
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
  if (waited(observation, key) < limit) {
    return waitFor(observation, key, task.nodeId, what, verdict.seen, limit);
  }
  return rollBack(task, verdict.kind, verdict.seen, `${what} within ${limit} ms`, []);
}

/** P4, and a voter without a member in the group is not caught up either. */
function judgeTrial(observation: Observation, record: UpdateRecord, task: NodeTask, node: NodeObservation): Stability {
  const peer = observation.peers.find((one) => one.nodeId === task.nodeId);
  const verdict = judgeStability(node, peer, task.incarnationTrial, task.to, record.options);
  if (!verdict.stable || peer !== undefined || !lacksRaftMember(observation, task)) return verdict;
  return { stable: false, kind: 'join', seen: `it has no Raft member: ${describePeers(observation)}` };
}

function planRollingBack(
  observation: Observation,
  record: UpdateRecord,
  task: NodeTask,
  node: NodeObservation | undefined,
): Step {
  const failure =
    task.failure ?? failureOf(task, 'unknown', 'no reason recorded', 'a reason', `see the log of ${task.nodeId}`, []);
  const health = node?.health ?? null;
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
  if (health?.trial?.updateId === record.id && (asked === 0 || asked > askAgainMs)) {
    return { kind: 'rollback', nodeId: task.nodeId, address: task.address, failure };
  }
  const what = `${task.nodeId} to run its known-good release again`;
  return waitFor(observation, key, task.nodeId, what, seen, limit);
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

/**
 * Did the node end this trial by itself? It restarted, is not on trial and does not run the target. Its own memory
 * says why; a full disk may have cost it that memory, which changes nothing about where it is.
 */
function wentBack(record: UpdateRecord, task: NodeTask, node: NodeObservation | undefined): Failure | null {
  const health = node?.health ?? null;
  if (health === null || health.trial !== null || health.release.buildHash === task.to) return null;
  const last = health.lastRollback;
  if (last === null || last.updateId !== record.id || last.release !== task.to) {
    if (health.incarnation === task.incarnationBefore) return null;
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

// ------------------------------------------------------------------------------------- small parts

function findNode(observation: Observation, nodeId: string): NodeObservation | undefined {
  return observation.nodes.find((node) => node.nodeId === nodeId);
}

function isWell(observation: Observation, nodeId: string): boolean {
  const healthy = findNode(observation, nodeId)?.health?.healthy === true;
  return healthy && !observation.peers.some((peer) => peer.nodeId === nodeId && !peer.healthy);
}

/** Its known-good release runs as a new process, well, and nothing is left of the trial: no restart is due (P1). */
function isBack(task: NodeTask, node: NodeObservation | undefined): boolean {
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

/** It runs the target for good: no trial, `dist` on it, and no memory of having gone back in this update. */
function isCommitted(record: UpdateRecord, task: NodeTask, node: NodeObservation | undefined): boolean {
  const health = node?.health ?? null;
  if (health === null || health.trial !== null) return false;
  const last = health.lastRollback;
  if (last !== null && last.updateId === record.id && last.release === task.to) return false;
  return health.release.buildHash === task.to && health.installed === task.to;
}

/**
 * A voter whose member is not in the group as it is seen. Where no node of the cluster has a member, etcd runs apart
 * from it, and stopping a node stops no voter.
 */
function lacksRaftMember(observation: Observation, task: NodeTask): boolean {
  if (task.role !== 'voter' || observation.peers.some((peer) => peer.nodeId === task.nodeId)) return false;
  const ours = observation.peers.some((peer) => findNode(observation, peer.nodeId) !== undefined);
  return observation.peers.length === 0 || ours;
}

function describePeers(observation: Observation): string {
  const names = observation.peers.map((peer) => peer.nodeId).join(', ');
  return names === '' ? 'no Raft member is known' : `the Raft group is ${names}`;
}

function noAnswer(node: NodeObservation | undefined): string {
  return node === undefined ? 'not a member' : node.healthError || 'no reason given';
}

function reasonsOf(health: { reasons: string[] }): string {
  return health.reasons.join('; ') || 'unhealthy, no reason given';
}

function waited(observation: Observation, key: string): number {
  return observation.waits[key] ?? 0;
}

/** Every wait says what for, what is seen, and how long it may last (0: until somebody acts). */
function waitFor(
  observation: Observation,
  key: string,
  nodeId: string | null,
  what: string,
  seen: string,
  atMostMs: number,
): Step {
  return { kind: 'await', key, waiting: { nodeId, what, seen, waitedMs: waited(observation, key), atMostMs } };
}

function failureOf(
  task: NodeTask,
  kind: FailureKind,
  seen: string,
  wanted: string,
  next: string,
  evidence: string[],
): Failure {
  return { nodeId: task.nodeId, kind, phase: task.phase, seen, wanted, next, evidence };
}

function nextAfter(kind: FailureKind, nodeId: string): string {
  if (kind === 'operator') return 'start a new update when you are ready';
  const ours = kind === 'activate' || kind === 'unknown' || kind === 'quorum';
  return ours
    ? `see the log of ${nodeId}, mend what it names, then start the update again`
    : 'mend the build and update again with the new one';
}

function rollBack(task: NodeTask, kind: FailureKind, seen: string, wanted: string, evidence: string[]): Step {
  const failure = failureOf(task, kind, seen, wanted, nextAfter(kind, task.nodeId), evidence);
  return { kind: 'rollback', nodeId: task.nodeId, address: task.address, failure };
}

function failStep(
  task: NodeTask,
  kind: FailureKind,
  seen: string,
  wanted: string,
  next: string,
  evidence: string[],
): Step {
  return { kind: 'failed', nodeId: task.nodeId, failure: failureOf(task, kind, seen, wanted, next, evidence) };
}
