/**
 * A node that an update drained and could not be told otherwise (it, its disk or its network was away in that moment)
 * would take no task for ever. When no update runs nothing needs it drained: the leader puts it back into service.
 */
import { asClusterError } from '../../errors.ts';
import type { ClientPool } from '../../ports/agent.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Membership } from '../../ports/membership.ts';
import type { Raft } from '../../ports/raft.ts';
import type { Journal } from '../journal/journal.ts';

export interface LeftDrainedDeps {
  journal: Journal;
  membership: Membership;
  raft: Raft;
  clientPool: ClientPool;
  selfNodeId: string;
  clock: Clock;
  logger: Logger;
  /** The cluster's membership heartbeat, ms. */
  heartbeatMs: number;
}

/** Returns what the leader calls when no update runs; it looks at most once in two heartbeats. */
export function createLeftDrainedWatch(deps: LeftDrainedDeps): { look(): Promise<void> } {
  let lastMs: number | null = null;
  return {
    look: async () => {
      const nowMs = deps.clock.nowMs();
      if (lastMs !== null && nowMs - lastMs < 2 * deps.heartbeatMs) return;
      lastMs = nowMs;
      const drained = (await deps.membership.getAllNodes()).filter((node) => node.status === 'draining');
      // Read after the members: an update that drained one of them since is seen here.
      if (drained.length === 0 || (await deps.journal.current()) !== null) return;
      const { epoch, leader } = await deps.raft.leadership();
      if (leader !== deps.selfNodeId) return; // P6
      for (const node of drained) {
        try {
          await deps.clientPool.getConnection(node.address).drain(false, '', epoch);
          deps.logger.info({ nodeId: node.nodeId, epoch }, 'no update holds it: back in service');
        } catch (thrown) {
          const error = asClusterError(thrown);
          if (error.code === 'stale-epoch') throw error; // P6
          deps.logger.debug({ nodeId: node.nodeId, error: error.message }, 'still draining');
        }
      }
    },
  };
}
