/** Keeps the Raft leader on the node that leads the cluster, while no update has a say in where it is. */
import { asClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { RaftView } from '../raft.ts';

export interface RaftLeaderKeeperOptions {
  raft: Pick<RaftView, 'raftLeader' | 'moveRaftLeader' | 'isLeader'>;
  clock: Clock;
  logger: Logger;
  nodeId: string;
  /** False while an update decides itself where the Raft leader is to be, or this node runs no healthy voter. */
  mayMoveRaftLeader(): boolean | Promise<boolean>;
  /** At most one move in this time, ms. Default 10,000. */
  everyMs?: number;
}

/** Keeps the Raft leader on the node that leads: its writes then take one hop less. Returns what stops it. */
export function keepRaftLeaderHere(options: RaftLeaderKeeperOptions): () => Promise<void> {
  const { raft, clock, logger, nodeId, everyMs = 10_000 } = options;
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(everyMs, stopping.signal);
      if (stopping.signal.aborted) return;
      if (!raft.isLeader()) continue;
      try {
        const leader = await raft.raftLeader();
        if (leader === null || leader === nodeId || !(await options.mayMoveRaftLeader())) continue;
        logger.info({ nodeId, from: leader }, 'taking the Raft leader to the node that leads');
        await raft.moveRaftLeader(nodeId);
      } catch (thrown) {
        logger.debug({ nodeId, error: asClusterError(thrown).message }, 'Raft leader not moved');
      }
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
}
