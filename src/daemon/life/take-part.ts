/** What a node does from the moment when it belongs to its cluster: it is seen, it sees, it may lead. */
import { keys } from '../../base/store-keys.ts';
import { keepRaftLeaderHere } from '../../cluster/raft.ts';
import type { Watch } from '../../ports/store.ts';
import { joinCluster, startMember } from './join.ts';
import type { NodeParts } from './parts.ts';

/** What was begun; farewell.ts ends it. */
export interface Part {
  watches: Watch[];
  stopKeeper(): Promise<void>;
  /** Ends with `ending`. */
  leading: Promise<void>;
}

/** Fills `part` as it goes; returns when all of it runs, when the node waits for good, or when `signal` aborts. */
export async function takePart(parts: NodeParts, part: Part, signal: AbortSignal): Promise<void> {
  const { store, clock, logger, raft, journal, updater, leadership, config } = parts;
  if (!(await startMember(parts, signal)) || signal.aborted) return;
  await joinCluster(parts, signal);
  if (signal.aborted) return;
  parts.heartbeat.start();
  parts.membership.start();
  leadership.start();
  parts.state.notReady = '';
  // An operator's wish, and every heartbeat, is looked at when it comes: polling is for what nobody announces.
  for (const key of [keys.update, keys.nodes]) part.watches.push(await store.watch(key, () => updater.wake()));
  leadership.onChange(() => updater.wake());
  part.stopKeeper = keepRaftLeaderHere({
    raft,
    clock,
    logger,
    nodeId: config.nodeId,
    mayMoveRaftLeader: async () => parts.member !== null && parts.isHealthy() && (await journal.current()) === null,
  });
  part.leading = updater.lead(parts.ending.signal);
}
