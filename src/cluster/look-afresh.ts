/** Every node's own answer, none of them old when the last one is there: the leader decides by it. */
import { asClusterError } from '../errors.ts';
import type { ClientPool, NodeHealth } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { NodeInfo } from '../ports/membership.ts';

/** One look at one node may take this long, ms. */
const healthCheckTimeoutMs = 2_000;
/** What was answered longer ago than this, ms, is asked again before anything is decided on it. */
const freshMs = 500;
const secondLookTimeoutMs = 1_000;

interface Look {
  health: NodeHealth | null;
  healthError: string;
}

/**
 * All at once. One that does not answer holds the others up: what they said is old by then, and a node must not be
 * committed for having been well two seconds ago (P4). They are asked again.
 */
export async function lookAfresh(deps: { clientPool: ClientPool; clock: Clock }, infos: NodeInfo[]): Promise<Look[]> {
  const beganMs = deps.clock.nowMs();
  const first = await Promise.all(infos.map((info) => look(deps.clientPool, info, healthCheckTimeoutMs)));
  if (deps.clock.nowMs() - beganMs <= freshMs) return first;
  return Promise.all(
    infos.map((info, at) => {
      const before = first[at] as Look;
      return before.health === null ? before : look(deps.clientPool, info, secondLookTimeoutMs);
    }),
  );
}

async function look(clientPool: ClientPool, info: NodeInfo, timeoutMs: number): Promise<Look> {
  if (info.status === 'pending_approval') return { health: null, healthError: 'pending approval' };
  try {
    return { health: await clientPool.getConnection(info.address).healthCheck(timeoutMs), healthError: '' };
  } catch (thrown) {
    // A stale channel would answer late: the next look dials anew.
    clientPool.closeConnection(info.address);
    return { health: null, healthError: asClusterError(thrown).message };
  }
}
