/** How the others see this node and how it sees them: heartbeat, membership, and what it thinks of its own health. */
import { createHeartbeat, type Heartbeat } from '../../members/heartbeat.ts';
import { createMembership, type LiveMembership } from '../../members/membership.ts';
import { readTrial } from '../../trial/trial-view.ts';
import type { EtcdMember } from '../etcd/member.ts';
import type { LookWatch } from '../look-watch.ts';
import { type SelfFacts, unhealthyReasons } from '../self-health.ts';
import type { NodeContext } from './context.ts';
import type { Stores } from './stores.ts';

export interface Presence {
  heartbeat: Heartbeat;
  membership: LiveMembership;
  facts(): SelfFacts;
  isHealthy(): boolean;
  isDraining(): boolean;
}

export interface PresenceDeps {
  stores: Stores;
  member: EtcdMember | null;
  look: LookWatch;
  /** An operator's or an update's drain; stopping drains as well. */
  draining(): boolean;
}

export function composePresence(context: NodeContext, deps: PresenceDeps): Presence {
  const { config, clock, logger, managed, state, version, release, incarnation } = context;
  const { nodeId, base, heartbeatMs } = config;
  const { stores, member, look } = deps;
  const isDraining = (): boolean => state.stopping || deps.draining();
  const heartbeat = createHeartbeat({
    store: stores.own,
    clock,
    logger,
    nodeId,
    incarnation,
    heartbeatMs,
    leaseMs: config.leaseMs,
    // A new Raft leader gives every lease an election's time more, which must not make a dead node last longer.
    leaseTtlMs: Math.max(config.leaseMs - (managed?.electionMs ?? 1_000), config.leaseMs / 2),
    describe: () => ({
      address: config.advertise,
      role: config.role,
      status: isDraining() ? 'draining' : 'active',
      release: { ...release },
      trial: readTrial(base)?.release ?? null,
      ...(look.looked().damage.length > 0 ? { damaged: true } : {}),
      protocol: version.protocol,
      memberId: state.memberId,
    }),
  });
  const facts = (): SelfFacts => ({
    notReady: state.stopping ? `${nodeId} is stopping` : state.notReady,
    member: member?.state() ?? null,
    heartbeatMsAgo: heartbeat.written().lastMsAgo,
    heartbeatMs,
    damaged: look.damaged(),
  });
  return {
    heartbeat,
    membership: createMembership({ store: stores.store, clock, logger, heartbeatMs }),
    facts,
    isHealthy: () => unhealthyReasons(facts()).length === 0,
    isDraining,
  };
}
