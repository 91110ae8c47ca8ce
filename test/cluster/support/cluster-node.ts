/** A node's view of the cluster (heartbeat, membership, leadership, raft) on a test group, without a daemon. */
import { createEtcdMaintenance } from '../../../src/adapters/etcd/maintenance.ts';
import { createEtcdStore } from '../../../src/adapters/etcd/store.ts';
import { systemClock as clock } from '../../../src/adapters/system-clock.ts';
import { createLeadership, type LeadershipHandle } from '../../../src/cluster/leadership/leadership.ts';
import { createRaft, type RaftView } from '../../../src/cluster/raft.ts';
import { createHeartbeat, type Heartbeat } from '../../../src/members/heartbeat.ts';
import { createMembership, type LiveMembership } from '../../../src/members/membership.ts';
import { registerMember } from '../../../src/members/registration.ts';
import type { RaftAdmin } from '../../../src/ports/raft-admin.ts';
import type { Store } from '../../../src/ports/store.ts';
import { silent, type TestEtcd } from './etcd.ts';

export interface TestNode {
  nodeId: string;
  own: Store;
  any: Store;
  heartbeat: Heartbeat;
  membership: LiveMembership;
  leadership: LeadershipHandle;
  raft: RaftView;
  admin: RaftAdmin;
  status: 'active' | 'draining';
  stop(options?: { revoke?: boolean }): Promise<void>;
}

/** Node on member number `index` of the group; it registers, beats and campaigns. */
export async function startTestNode(
  etcd: TestEtcd,
  index: number,
  options: { heartbeatMs?: number; leaseMs?: number; pollMs?: number; mayCampaign?: () => boolean } = {},
): Promise<TestNode> {
  const { heartbeatMs = 300, leaseMs = 2_000 } = options;
  const own = etcd.endpoints[index] ?? '';
  const others = etcd.endpoints.filter((address) => address !== own);
  const nodeId = `n${index + 1}`;
  const ownStore = createEtcdStore({ endpoints: [own], tls: etcd.tls, clock, requestTimeoutMs: 1_000 });
  const any = createEtcdStore({ endpoints: [own, ...others], tls: etcd.tls, clock });
  const admin = createEtcdMaintenance({ endpoints: [own, ...others], tls: etcd.tls, clock });
  const fields = { address: own, role: 'voter' as const, release: null, protocol: { min: 1, max: 1 } };
  await registerMember(any, { nodeId, ...fields, approved: true });
  const heartbeat = createHeartbeat({
    store: ownStore,
    clock,
    logger: silent,
    nodeId,
    incarnation: clock.randomId(8),
    heartbeatMs,
    leaseMs,
    describe: () => ({ ...fields, status: node.status, trial: null, memberId: null }),
  });
  const membership = createMembership({ store: any, clock, logger: silent, heartbeatMs });
  const leadership = createLeadership({
    store: any,
    clock,
    logger: silent,
    nodeId,
    lease: heartbeat.lease,
    onLease: heartbeat.onLease,
    ...(options.mayCampaign ? { mayCampaign: options.mayCampaign } : {}),
    ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }),
  });
  const raft = createRaft({ admin, leadership, clock });
  const node: TestNode = {
    nodeId,
    own: ownStore,
    any,
    heartbeat,
    membership,
    leadership,
    raft,
    admin,
    status: 'active',
    stop: async (how) => {
      await leadership.stop();
      await membership.stop();
      await heartbeat.stop(how);
      await Promise.all([ownStore.close(), any.close(), admin.close()]);
    },
  };
  heartbeat.start();
  membership.start();
  leadership.start();
  return node;
}
