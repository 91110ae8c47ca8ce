/** What a node does from the moment when it belongs to its cluster: it is seen, it sees, it may lead. */
import { keys } from '../../base/store-keys.ts';
import { keepRaftLeaderHere } from '../../cluster/leadership/keep-raft-leader.ts';
import { followKeys, type Hints } from './hints.ts';
import { joinCluster, startMember } from './join.ts';
import { noteHolders } from './note-holders.ts';
import type { NodeParts } from './parts.ts';

/** What was begun; farewell.ts ends it. */
export interface Part {
  hints: Hints;
  stopKeeper(): Promise<void>;
  /** Ends with `ending`. */
  leading: Promise<void>;
}

/**
 * All of it, when it runs; null: the node waits for good, or `signal` aborted first. `onUpdate` is called when the running
 * update can be asked for, and whenever it may have changed.
 */
export async function takePart(parts: NodeParts, signal: AbortSignal, onUpdate: () => void): Promise<Part | null> {
  const { clock, logger, raft, journal, updater, leadership, config } = parts;
  if (!(await startMember(parts, signal)) || signal.aborted) return null;
  await joinCluster(parts, signal);
  if (signal.aborted) return null;
  parts.heartbeat.start();
  noteHolders({ base: config.base, nodeId: config.nodeId, membership: parts.membership, logger });
  parts.membership.start();
  leadership.start();
  parts.state.notReady = '';
  // An operator's wish, and every heartbeat, is looked at when it comes: polling is for what nobody announces.
  const hints = followKeys(parts, [keys.update, keys.nodes], (prefix) => {
    updater.wake();
    if (prefix === keys.update) onUpdate();
  });
  onUpdate();
  leadership.onChange(() => updater.wake());
  const stopKeeper = keepRaftLeaderHere({
    raft,
    clock,
    logger,
    nodeId: config.nodeId,
    mayMoveRaftLeader: async () => parts.member !== null && parts.isHealthy() && (await journal.current()) === null,
  });
  void parts.upkeep(parts.ending.signal);
  return { hints, stopKeeper, leading: updater.lead(parts.ending.signal) };
}
