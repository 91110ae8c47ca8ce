/** Why an update may not begin, as far as one node tells (P8). Pure. */
import type { NodeHealth } from '../../ports/agent.ts';
import type { NodeObservation } from './observation.ts';
import { type PreflightInput, type Refusal, refusal } from './refusal.ts';

/** A release needs this many times its size on a node's disk: the tree that arrives, and head room. */
const diskFactor = 1.2;

export function refuseNode(node: NodeObservation, input: PreflightInput, sizeBytes: number): Refusal[] {
  const { health } = node;
  const absent = refuseAbsent(node, 2 * input.observation.heartbeatMs);
  if (absent !== null) return [absent];
  return health === null ? [refuseSilent(node)] : refuseHealth(node, health, input, sizeBytes);
}

/** Not there, or not in service: nothing more can be said of it. */
function refuseAbsent(node: NodeObservation, freshMs: number): Refusal | null {
  const { nodeId } = node;
  if (node.status === 'pending_approval') {
    return refusal('node-pending', nodeId, 'pending approval', 'active', `\`claudecluster nodes approve ${nodeId}\``);
  }
  if (node.status === 'offline') {
    const next = `start its daemon: \`claudecluster supervise\` or systemctl on ${nodeId}`;
    return refusal('node-offline', nodeId, 'offline', 'active', next);
  }
  if (node.status === 'draining') {
    return refusal('node-draining', nodeId, 'draining', 'active', 'wait until it is back, or see why it drains');
  }
  if (node.status !== 'active') {
    const seen = `status ${JSON.stringify(node.status)}, which this build does not know: written by a newer build`;
    return refusal('node-draining', nodeId, seen, 'active', `see on ${nodeId} what it means: \`claudecluster status\``);
  }
  if (node.lastSeenMsAgo === null || node.lastSeenMsAgo > freshMs) {
    const seen = node.lastSeenMsAgo === null ? 'no heartbeat seen' : `last heartbeat ${node.lastSeenMsAgo} ms ago`;
    return refusal('node-stale', nodeId, seen, `within ${freshMs} ms`, `see the log of ${nodeId}`);
  }
  return null;
}

function refuseSilent({ nodeId, healthError }: NodeObservation): Refusal {
  const seen = `no answer: ${healthError || 'no reason given'}`;
  return refusal('node-unhealthy', nodeId, seen, 'healthy', `see the log of ${nodeId}`);
}

/** What it says of itself speaks against it. */
function refuseHealth(
  { nodeId }: NodeObservation,
  health: NodeHealth,
  input: PreflightInput,
  sizeBytes: number,
): Refusal[] {
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
