/**
 * Gathers everything that may influence a decision into one plain value (docs/architecture.md). What it remembers between two
 * looks, heartbeats since healthy and how a lag moves, is this leader's own view: the next leader begins anew, which
 * costs a few heartbeats and can only make it more careful.
 */
import { asClusterError } from '../errors.ts';
import type { ClientPool, NodeHealth } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Membership, NodeInfo } from '../ports/membership.ts';
import type { Raft, RaftPeer } from '../ports/raft.ts';
import type { NodeObservation, Observation } from './update/observation.ts';

/** One look at one node may take this long, ms. */
const healthCheckTimeoutMs = 2_000;
/** What was answered longer ago than this, ms, is asked again before anything is decided on it. */
const freshMs = 500;
const secondLookTimeoutMs = 1_000;

export interface ObserverDeps {
  membership: Membership;
  raft: Raft;
  clientPool: ClientPool;
  clock: Clock;
  selfNodeId: string;
  /** The cluster's membership heartbeat, ms. */
  heartbeatMs: number;
}

interface Look {
  health: NodeHealth | null;
  healthError: string;
}

interface Seen {
  incarnation: string;
  /** heartbeatSeq when this incarnation was first seen healthy; null: its record was not seen yet. */
  baseSeq: number | null;
}

export interface Observer {
  /** Looks at every node at once. `waits` comes from the updater. */
  observe(waits: Record<string, number>): Promise<Observation>;
}

export function createObserver(deps: ObserverDeps): Observer {
  const healthySince = new Map<string, Seen>();
  const lags = new Map<string, { lag: number; atMs: number }>();

  const look = async (info: NodeInfo, timeoutMs = healthCheckTimeoutMs): Promise<Look> => {
    if (info.status === 'pending_approval') return { health: null, healthError: 'pending approval' };
    try {
      const health = await deps.clientPool.getConnection(info.address).healthCheck(timeoutMs);
      return { health, healthError: '' };
    } catch (thrown) {
      // A stale channel would answer late: the next look dials anew.
      deps.clientPool.closeConnection(info.address);
      return { health: null, healthError: asClusterError(thrown).message };
    }
  };

  /**
   * All at once. One that does not answer holds the others up: what they said is old by then, and a node must not be
   * committed for having been well two seconds ago (P4). They are asked again.
   */
  const lookAtAll = async (infos: NodeInfo[]): Promise<Look[]> => {
    const beganMs = deps.clock.nowMs();
    const first = await Promise.all(infos.map((info) => look(info)));
    if (deps.clock.nowMs() - beganMs <= freshMs) return first;
    return Promise.all(
      infos.map((info, at) => {
        const before = first[at] as Look;
        return before.health === null ? before : look(info, secondLookTimeoutMs);
      }),
    );
  };

  /** Heartbeats of the incarnation that answers now, since it first answered healthy (P4). */
  const countHeartbeats = (info: NodeInfo, health: NodeHealth | null): number => {
    if (health === null || !health.healthy || info.status === 'offline') {
      healthySince.delete(info.nodeId);
      return 0;
    }
    const seq = info.incarnation === health.incarnation ? info.heartbeatSeq : null;
    const seen = healthySince.get(info.nodeId);
    if (seen === undefined || seen.incarnation !== health.incarnation) {
      healthySince.set(info.nodeId, { incarnation: health.incarnation, baseSeq: seq });
      return 0;
    }
    if (seen.baseSeq === null) seen.baseSeq = seq;
    return seq === null || seen.baseSeq === null ? 0 : Math.max(0, seq - seen.baseSeq);
  };

  const measureLag = (
    nodeId: string,
    peers: RaftPeer[],
    nowMs: number,
  ): { lag: number | null; stillMs: number | null } => {
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
  };

  return {
    observe: async (waits) => {
      const [infos, peers, leadership] = await Promise.all([
        deps.membership.getAllNodes(),
        deps.raft.getPeers(),
        deps.raft.leadership(),
      ]);
      const looks = await lookAtAll(infos);
      const nowMs = deps.clock.nowMs();
      const nodes = infos.map((info, at): NodeObservation => {
        const { health, healthError } = looks[at] ?? { health: null, healthError: 'not looked at' };
        const { lag, stillMs } = measureLag(info.nodeId, peers, nowMs);
        return {
          nodeId: info.nodeId,
          address: info.address,
          role: info.role,
          status: info.status,
          lastSeenMsAgo: info.lastSeenMsAgo,
          protocol: info.protocol,
          release: info.release,
          health,
          healthError,
          heartbeats: countHeartbeats(info, health),
          lag,
          lagStandsStillMs: stillMs,
        };
      });
      return {
        self: deps.selfNodeId,
        epoch: leadership.leader === deps.selfNodeId && deps.raft.isLeader() ? leadership.epoch : 0,
        nodes,
        peers,
        raftLeader: peers.find((peer) => peer.isRaftLeader)?.nodeId ?? null,
        heartbeatMs: deps.heartbeatMs,
        waits,
      };
    },
  };
}
