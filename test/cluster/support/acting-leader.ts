/**
 * A RollingUpdater in this process, on real ports, that leads a running cluster: it holds the leadership for a worker of it,
 * whose own daemon never asks for that. Everything else is the cluster's: daemons, etcd, rsync, certificates.
 */
import { join } from 'node:path';
import { createEtcdMaintenance } from '../../../src/adapters/etcd/maintenance.ts';
import { createEtcdStore } from '../../../src/adapters/etcd/store.ts';
import { systemClock as clock } from '../../../src/adapters/system-clock.ts';
import { keys } from '../../../src/base/store-keys.ts';
import { createJournal, type Journal } from '../../../src/cluster/journal/journal.ts';
import { createLeadership } from '../../../src/cluster/leadership/leadership.ts';
import { createRaft } from '../../../src/cluster/raft.ts';
import { RollingUpdater } from '../../../src/cluster/updater.ts';
import { etcdTlsPaths, loadNodeConfig } from '../../../src/daemon/config.ts';
import { GrpcClientPool } from '../../../src/grpc/client-pool.ts';
import { loadTls } from '../../../src/grpc/tls.ts';
import { localReleases } from '../../../src/host/local-releases.ts';
import { createMembership } from '../../../src/members/membership.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { DevNode } from '../../support/dev-cluster.ts';
import { silent, until } from './etcd.ts';

export interface ActingLeader {
  updater: RollingUpdater;
  journal: Journal;
  /** nodeId of whoever leads now. */
  leader(): Promise<string | null>;
  stop(): Promise<void>;
}

export async function actAsLeader(worker: DevNode): Promise<ActingLeader> {
  const config = loadNodeConfig(join(worker.base, 'config.yaml'));
  if (!('endpoints' in config.etcd)) throw new Error(`${config.nodeId} is no worker`);
  const { nodeId, heartbeatMs, service } = config;
  const etcd = { endpoints: config.etcd.endpoints, tls: loadTls(etcdTlsPaths(config)), clock };
  const store = createEtcdStore(etcd);
  const admin = createEtcdMaintenance(etcd);
  const lease = await store.grantLease(10);
  const membership = createMembership({ store, clock, logger: silent, heartbeatMs });
  const clientPool = new GrpcClientPool({ tls: loadTls(config.tls) });
  const leadership = createLeadership({
    store,
    clock,
    logger: silent,
    nodeId,
    lease: () => lease,
    onLease: () => () => undefined,
    mayCampaign: () => false,
  });
  const raft = createRaft({ admin, leadership, clock });
  const journal = createJournal(store, clock, nodeId, silent);
  const updater = new RollingUpdater({
    membership,
    raft,
    clientPool,
    logger: silent,
    selfNodeId: nodeId,
    journal,
    releases: localReleases(worker.base),
    clock,
    service,
    heartbeatMs,
    stragglers: 'leave',
  });
  await until(`${nodeId} to be handed the leadership`, () => takeLeadership(store, nodeId, lease.id));
  membership.start();
  leadership.start();
  await until(`${nodeId} to lead`, () => raft.isLeader());
  return {
    updater,
    journal,
    leader: async () => (await raft.leadership()).leader,
    stop: async () => {
      await leadership.resign();
      await Promise.all([leadership.stop(), membership.stop()]);
      await lease.revoke();
      clientPool.closeAll();
      await Promise.all([store.close(), admin.close()]);
    },
  };
}

/** The transaction that a hand-over makes: the leader's key on our lease, and the epoch one higher. */
async function takeLeadership(store: Store, nodeId: string, leaseId: string): Promise<boolean> {
  const [leader, before] = await Promise.all([store.get(keys.leader), store.get(keys.epoch)]);
  if (leader === null || before === null) return false;
  const epoch = Number(before.value) + 1;
  return store.txn(
    [leader, before].map(({ key, modRevision }) => ({ key, modRevision })),
    [
      { put: keys.leader, value: JSON.stringify({ node: nodeId, epoch }), leaseId },
      { put: keys.epoch, value: String(epoch) },
    ],
  );
}
