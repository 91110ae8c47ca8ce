/**
 * Gathers everything that may influence a decision into one plain value (docs/architecture.md). What it remembers between two
 * looks, heartbeats since healthy and how a lag moves, is this leader's own view: the next leader begins anew, which
 * costs a few heartbeats and can only make it more careful.
 */
import type { ClientPool, NodeHealth } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Membership, NodeInfo } from '../ports/membership.ts';
import type { Raft } from '../ports/raft.ts';
import { createLagWatch } from './lag.ts';
import { lookAfresh } from './look-afresh.ts';
import type { NodeObservation, Observation } from './update/observation.ts';

export interface ObserverDeps {
  membership: Membership;
  raft: Raft;
  clientPool: ClientPool;
  clock: Clock;
  selfNodeId: string;
  /** The cluster's membership heartbeat, ms. */
  heartbeatMs: number;
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
  const lags = createLagWatch();

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

  return {
    observe: async (waits) => {
      const [infos, peers, leadership] = await Promise.all([
        deps.membership.getAllNodes(),
        deps.raft.getPeers(),
        deps.raft.leadership(),
      ]);
      const looks = await lookAfresh(deps, infos);
      const nowMs = deps.clock.nowMs();
      const nodes = infos.map((info, at): NodeObservation => {
        const { health, healthError } = looks[at] ?? { health: null, healthError: 'not looked at' };
        const { lag, stillMs } = lags.measure(info.nodeId, peers, nowMs);
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
