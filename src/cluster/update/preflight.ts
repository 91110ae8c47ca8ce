/** Phase 0: everything that can be known before a node is touched. Pure; a refusal says what to do (P8). */
import { createHash } from 'node:crypto';
import { ClusterError } from '../../errors.ts';
import type { VersionInfo } from '../../ports/releases.ts';
import { updateProtocol } from './features.ts';
import { lintTiming } from './lint.ts';
import { refuseNeeds } from './needs.ts';
import { describeQuorum, quorumWithout } from './quorum.ts';
import type { NodeObservation, PreflightInput, Refusal, RefusalCode, UpdatePlan } from './types.ts';

/** Typical restart of a node and its Raft member, for the best case, ms. Measured by `npm run bench`. */
const typicalRestartMs = 2_000;
/** A release needs this many times its size on a node's disk: the tree that arrives, and head room. */
const diskFactor = 1.2;

/** Why a node is left out that its own update will bring along later. */
export const leftOffline = 'offline';

const unknownVersion: VersionInfo = {
  buildHash: '',
  builtAt: '',
  gitCommit: '',
  version: '',
  protocol: { min: 0, max: 0 },
  node: '',
};

/** What an update would do, and every reason why it may not begin. */
export function preflight(input: PreflightInput): UpdatePlan {
  const { observation, options } = input;
  const invalid = 'invalid' in input.release;
  const target = 'invalid' in input.release ? unknownVersion : input.release.version;
  const sizeBytes = 'invalid' in input.release ? 0 : input.release.sizeBytes;
  const order = leaveOut(input, invalid ? null : target.buildHash);
  const toDo = order.filter((one) => !one.skip && one.left === '');
  const isLeft = (nodeId: string): boolean => order.some((one) => one.nodeId === nodeId && one.left === leftOffline);
  const all = quorumWithout(observation, null);
  const leaderTurn = toDo.some((one) => one.nodeId === observation.self);
  const perNode = options.heartbeats * observation.heartbeatMs;

  const plan: UpdatePlan = {
    target,
    planHash: '',
    order,
    voters: all.voters,
    healthyVoters: all.healthyOthers,
    quorum: all.quorum,
    protocol: updateProtocol(observation.nodes, target),
    leaderMoves: leaderTurn && all.voters > 2 ? [`from ${observation.self}, before its own turn`] : [],
    bytesAtMost: sizeBytes * toDo.length,
    bestMs: toDo.length * (perNode + typicalRestartMs),
    worstMs: toDo.length * (options.drainTimeoutMs + options.trialMs) + options.rollbackTimeoutMs,
    refusals: [],
    notes: [],
  };
  plan.planHash = hashPlan(plan, input);
  plan.refusals = [
    ...refuseCluster(input, target),
    ...refuseQuorum(input, toDo),
    ...refuseUnknown(input),
    ...observation.nodes.filter((node) => !isLeft(node.nodeId)).flatMap((node) => refuseNode(node, input, sizeBytes)),
    ...refuseProtocol(input, target),
    ...refuseNeeds(observation.nodes, target), // P11
    ...lintTiming(options, observation.heartbeatMs),
  ];
  // The edges let through what is long enough (base/build-hash.ts): its beginning names a plan.
  if (input.planHash !== null && !plan.planHash.startsWith(input.planHash)) {
    const seen = `plan ${plan.planHash.slice(0, Math.max(12, input.planHash.length))}`;
    const next = 'look at the new plan: --dry-run';
    plan.refusals.push(refusal('plan-changed', null, seen, `plan ${input.planHash}`, next));
  }
  if (toDo.length === 0 && order.some((one) => one.skip) && !invalid) {
    plan.refusals.push(
      refusal(
        'already-at-target',
        null,
        `${order.every((one) => one.left === '') ? 'every node' : 'every node that is asked for'} runs ${target.buildHash.slice(0, 12)}`,
        'a node that does not',
        'nothing to do',
      ),
    );
  }
  return plan;
}

/** The walk, and who is left out of it on purpose: by name, by number, or because it is offline. */
function leaveOut({ observation, options }: PreflightInput, target: string | null): UpdatePlan['order'] {
  let taken = 0;
  return walkOrder(observation.nodes, observation.self).map((node) => {
    const from = node.health?.release ?? node.release;
    const skip = target !== null && from?.buildHash === target;
    let left = '';
    if (options.only.length > 0 && !options.only.includes(node.nodeId)) left = 'not asked for';
    else if (options.skipOffline && node.status === 'offline') left = leftOffline;
    else if (!skip && options.max > 0 && taken >= options.max) left = `beyond the first ${options.max}`;
    if (left === '' && !skip) taken += 1;
    return { nodeId: node.nodeId, role: node.role, from, skip, left, address: node.address };
  });
}

/** The refusals of a plan as the one error that its asker gets: all of them in a line, the first one in full (P8). */
export function refusedBy(plan: UpdatePlan): ClusterError {
  const lines = plan.refusals.map((one) => `${one.nodeId ?? 'cluster'}: ${one.code}: ${one.seen}`);
  const [first] = plan.refusals;
  return new ClusterError('refused', `preflight refused: ${lines.join('; ')}`, {
    ...(first?.nodeId == null ? {} : { nodeId: first.nodeId }),
    ...(first === undefined ? {} : { seen: `${first.code}: ${first.seen}`, wanted: first.wanted, next: first.next }),
  });
}

/** Follower voters first, then workers, the leader last; each by nodeId. */
function walkOrder(nodes: NodeObservation[], self: string): NodeObservation[] {
  const rank = (node: NodeObservation): number => (node.nodeId === self ? 2 : node.role === 'voter' ? 0 : 1);
  return nodes.toSorted((one, two) => rank(one) - rank(two) || (one.nodeId < two.nodeId ? -1 : 1));
}

function hashPlan(plan: UpdatePlan, input: PreflightInput): string {
  const text = JSON.stringify([
    plan.target.buildHash,
    plan.order.map((one) => [one.nodeId, one.role, one.from?.buildHash ?? '', one.skip, one.left]),
    plan.voters,
    Object.entries(input.options).sort(([one], [two]) => (one < two ? -1 : 1)),
  ]);
  return createHash('sha256').update(text).digest('hex');
}

function refusal(code: RefusalCode, nodeId: string | null, seen: string, wanted: string, next: string): Refusal {
  return { code, nodeId, seen, wanted, next };
}

function refuseCluster(input: PreflightInput, target: VersionInfo): Refusal[] {
  const found: Refusal[] = [];
  const { observation, running, quarantine, leader, release, byHand = null } = input;
  if (observation.epoch === 0) {
    const seen = leader === null ? 'no leader' : `${leader} leads`;
    const next = leader === null ? 'wait for a leader: `claudecluster status`' : `ask ${leader}`;
    found.push(refusal('not-leader', observation.self, seen, `${observation.self} to lead`, next));
  }
  if (running !== null) {
    const seen = `${running.id}, started by ${running.startedBy} at ${running.startedAt}`;
    const next = `\`claudecluster updates watch ${running.id}\`, or abort it`;
    found.push(refusal('update-running', null, seen, 'no other update', next));
  }
  if (byHand !== null) {
    const wanted = 'no voter out of service by hand';
    found.push(refusal('by-hand', byHand.nodeId, byHand.seen, wanted, byHand.next)); // P1
  }
  if ('invalid' in release) {
    found.push(refusal('release-invalid', observation.self, release.invalid, 'a verified release', release.next));
  }
  if (quarantine !== null) {
    const short = target.buildHash.slice(0, 12);
    const next = `update with a mended build, or lift it: \`claudecluster releases unquarantine ${target.buildHash}\``;
    found.push(
      refusal(
        'quarantined',
        null,
        `${short} is quarantined: ${quarantine.why}`,
        'a build not rolled back before',
        next,
      ),
    ); // P10
  }
  return found;
}

function refuseUnknown({ observation, options }: PreflightInput): Refusal[] {
  const unknown = options.only.filter((nodeId) => !observation.nodes.some((node) => node.nodeId === nodeId));
  const known = observation.nodes.map((node) => node.nodeId).join(', ');
  return unknown.map((nodeId) =>
    refusal('unknown-node', nodeId, `the cluster has ${known}`, 'a node of the cluster', '`claudecluster status`'),
  );
}

function refuseQuorum(input: PreflightInput, toDo: UpdatePlan['order']): Refusal[] {
  const { observation, options } = input;
  const found: Refusal[] = [];
  const learner = observation.peers.find((peer) => peer.kind === 'learner');
  if (learner !== undefined) {
    const next = `promote or remove it: the group must have its full shape before a voter is stopped`;
    found.push(refusal('learner-in-group', learner.nodeId, 'a Raft learner', 'voters only', next));
  }
  if (observation.raftLeader === null) {
    found.push(
      refusal('no-raft-leader', null, 'no Raft leader', 'one', 'see `claudecluster status`: the quorum may be lost'),
    );
  }
  const voterTurns = toDo.filter((one) => observation.peers.some((peer) => peer.nodeId === one.nodeId));
  const unsafe = voterTurns
    .map((one) => ({ nodeId: one.nodeId, view: quorumWithout(observation, one.nodeId) }))
    .find((one) => !one.view.safe);
  if (unsafe !== undefined && !(options.acceptDowntime && unsafe.view.voters < 3)) {
    const { voters, quorum } = unsafe.view;
    const next =
      voters < 3
        ? 'a cluster of one or two voters has no quorum to keep: add voters, or accept the gap with --accept-downtime'
        : 'bring the missing voters back first: `claudecluster status`';
    found.push(
      refusal(
        'quorum-unsafe',
        unsafe.nodeId,
        describeQuorum(unsafe.view, unsafe.nodeId),
        `${quorum} of ${voters} without it`,
        next,
      ),
    ); // P1
  }
  for (const node of observation.nodes) {
    if (node.lag === null || node.lag <= options.maxLagEntries) continue;
    const seen = `${node.lag} entries behind the Raft leader`;
    const next =
      'wait until it caught up: `claudecluster status`; one that never does takes a release by hand: `claudecluster node activate --help`';
    found.push(refusal('voter-lagging', node.nodeId, seen, `at most ${options.maxLagEntries}`, next));
  }
  return found;
}

function refuseNode(node: NodeObservation, input: PreflightInput, sizeBytes: number): Refusal[] {
  const { nodeId, health } = node;
  const fresh = 2 * input.observation.heartbeatMs;
  if (node.status === 'pending_approval') {
    return [refusal('node-pending', nodeId, 'pending approval', 'active', `\`claudecluster nodes approve ${nodeId}\``)];
  }
  if (node.status === 'offline') {
    return [
      refusal(
        'node-offline',
        nodeId,
        'offline',
        'active',
        `start its daemon: \`claudecluster supervise\` or systemctl on ${nodeId}`,
      ),
    ];
  }
  if (node.status === 'draining') {
    return [refusal('node-draining', nodeId, 'draining', 'active', 'wait until it is back, or see why it drains')];
  }
  if (node.status !== 'active') {
    const seen = `status ${JSON.stringify(node.status)}, which this build does not know: written by a newer build`;
    return [
      refusal('node-draining', nodeId, seen, 'active', `see on ${nodeId} what it means: \`claudecluster status\``),
    ];
  }
  if (node.lastSeenMsAgo === null || node.lastSeenMsAgo > fresh) {
    const seen = node.lastSeenMsAgo === null ? 'no heartbeat seen' : `last heartbeat ${node.lastSeenMsAgo} ms ago`;
    return [refusal('node-stale', nodeId, seen, `within ${fresh} ms`, `see the log of ${nodeId}`)];
  }
  if (health === null) {
    return [
      refusal(
        'node-unhealthy',
        nodeId,
        `no answer: ${node.healthError || 'no reason given'}`,
        'healthy',
        `see the log of ${nodeId}`,
      ),
    ];
  }
  const found: Refusal[] = [];
  if (!health.healthy) {
    const seen = health.reasons.join('; ') || 'unhealthy, no reason given';
    found.push(refusal('node-unhealthy', nodeId, seen, 'healthy', `see the log of ${nodeId}`));
  }
  if (health.trial !== null) {
    const next = `wait for its end, or \`claudecluster node rollback\` on ${nodeId}`;
    found.push(refusal('node-on-trial', nodeId, `on trial for ${health.trial.updateId}`, 'no trial', next));
  }
  if (health.wayBack) {
    const next = `mend it on ${nodeId} first: \`claudecluster node rehearse HASH\` tells more`;
    found.push(refusal('no-way-back', nodeId, health.wayBack, 'a way back that works', next)); // P3
  }
  const notLooked = input.notLooked?.[nodeId];
  if (notLooked !== undefined) {
    const next = `look by hand on ${nodeId}: \`claudecluster node verify\``;
    const seen = `its known-good release could not be looked at: ${notLooked}`;
    found.push(refusal('no-way-back', nodeId, seen, 'a look that is under an hour old', next)); // P7
  }
  // What a node keeps for its store it refuses a release as well, later: here nothing has begun yet.
  const reserve = health.diskReserveBytes ?? 0;
  const needed = Math.ceil(sizeBytes * diskFactor) + reserve;
  const target = 'invalid' in input.release ? '' : input.release.version.buildHash;
  const hasIt = health.release.buildHash === target || health.staged.includes(target);
  if (!hasIt && health.diskFreeBytes < needed) {
    const kept = reserve === 0 ? '' : `, of which ${reserve} stay free (diskReserveBytes)`;
    const next = `make room on ${nodeId}; old releases go with a lower keepReleases`;
    found.push(refusal('disk', nodeId, `${health.diskFreeBytes} bytes free`, `${needed} bytes${kept}`, next));
  }
  return found;
}

function refuseProtocol(input: PreflightInput, target: VersionInfo): Refusal[] {
  if ('invalid' in input.release) return [];
  return input.observation.nodes.flatMap((node) => {
    const { min, max } = node.protocol;
    // Nothing is known of a node that never told: other refusals name it.
    if (max === 0 || (min <= target.protocol.max && target.protocol.min <= max)) return [];
    const seen = `speaks protocol ${min}-${max}, the target ${target.protocol.min}-${target.protocol.max}`;
    const next = `update to ${target.needs?.through ?? `a release that speaks both ${max} and ${target.protocol.min}`} first`;
    return [refusal('protocol', node.nodeId, seen, 'ranges that meet', next)];
  });
}
