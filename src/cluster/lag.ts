/** How far each voter is behind the Raft leader, and since when that has not become less. */
import type { RaftPeer } from '../ports/raft.ts';

export interface LagWatch {
  /** In entries, and ms since it last became smaller; null: a worker, or unknown. */
  measure(nodeId: string, peers: RaftPeer[], nowMs: number): { lag: number | null; stillMs: number | null };
}

export function createLagWatch(): LagWatch {
  const lags = new Map<string, { lag: number; atMs: number }>();
  return {
    measure(nodeId, peers, nowMs) {
      const leader = peers.find((peer) => peer.isRaftLeader);
      const peer = peers.find((one) => one.nodeId === nodeId);
      if (peer?.appliedIndex == null || leader?.appliedIndex == null) {
        lags.delete(nodeId);
        return { lag: null, stillMs: null };
      }
      const lag = Math.max(0, leader.appliedIndex - peer.appliedIndex);
      const before = lags.get(nodeId);
      if (before === undefined || lag < before.lag || lag === 0) lags.set(nodeId, { lag, atMs: nowMs });
      return { lag, stillMs: nowMs - (lags.get(nodeId)?.atMs ?? nowMs) };
    },
  };
}
