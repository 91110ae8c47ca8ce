/** Phase 0: everything that can be known before a node is touched. Pure; a refusal says what to do (P8). */
import { createHash } from 'node:crypto';
import { ClusterError } from '../../errors.ts';
import type { VersionInfo } from '../../ports/releases.ts';
import { updateProtocol } from './features.ts';
import { lintTiming } from './lint.ts';
import { refuseNeeds } from './needs.ts';
import type { NodeObservation } from './observation.ts';
import { quorumWithout } from './quorum.ts';
import { type PreflightInput, refusal } from './refusal.ts';
import { refuseCluster, refuseProtocol, refuseQuorum, refuseUnknown } from './refuse-cluster.ts';
import { refuseNode } from './refuse-node.ts';
import type { UpdatePlan } from './update-plan.ts';

/** Typical restart of a node and its Raft member, for the best case, ms. Measured by `npm run bench`. */
const typicalRestartMs = 2_000;

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
