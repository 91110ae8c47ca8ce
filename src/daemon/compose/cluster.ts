/** The node's part in leading the cluster: leadership, Raft, journal, updater; and what the faces ask of any node. */

import { createControl } from '../../cluster/control/control.ts';
import type { Control } from '../../cluster/control/control-api.ts';
import { createJournal, type Journal } from '../../cluster/journal/journal.ts';
import { createLeadership, type LeadershipHandle } from '../../cluster/leadership/leadership.ts';
import { createRaft, type RaftView } from '../../cluster/raft.ts';
import { RollingUpdater } from '../../cluster/updater.ts';
import { ClusterError } from '../../errors.ts';
import type { GrpcClientPool } from '../../grpc/client-pool.ts';
import { createControlClient } from '../../grpc/control-client.ts';
import { localReleases } from '../../host/local-releases.ts';
import { knownClusterId } from '../../members/bootstrap-files.ts';
import { approveMember } from '../../members/registration.ts';
import { releasePath } from '../../release/store.ts';
import { readVersion } from '../../release/version.ts';
import type { NodeContext } from './context.ts';
import type { Presence } from './presence.ts';
import type { Stores } from './stores.ts';

export interface ClusterParts {
  leadership: LeadershipHandle;
  raft: RaftView;
  journal: Journal;
  updater: RollingUpdater;
  control: Control;
}

export interface ClusterDeps {
  stores: Stores;
  presence: Presence;
  clientPool: GrpcClientPool;
}

export function composeCluster(context: NodeContext, deps: ClusterDeps): ClusterParts {
  const { config, clock, logger } = context;
  const { nodeId, heartbeatMs } = config;
  const { stores, presence, clientPool } = deps;
  const { store } = stores;
  const { membership } = presence;
  const leadership = createLeadership({
    store,
    clock,
    logger,
    nodeId,
    lease: presence.heartbeat.lease,
    onLease: presence.heartbeat.onLease,
    // Workers follow: the leader must be able to keep the Raft leader beside it.
    mayCampaign: () => config.role === 'voter' && !presence.isDraining() && presence.isHealthy(),
    raftLeader: () => raft.raftLeader(),
  });
  const raft = createRaft({ admin: stores.admin, leadership, clock });
  const journal = createJournal(store, clock, nodeId, logger);
  const updater = new RollingUpdater({
    membership,
    raft,
    clientPool,
    logger,
    selfNodeId: nodeId,
    journal,
    releases: localReleases(config.base),
    clock,
    service: config.service,
    heartbeatMs,
    stragglers: config.stragglers,
  });
  const control = composeControl(context, deps, { raft, journal, updater });
  return { leadership, raft, journal, updater, control };
}

function composeControl(
  { config, boot, clock, logger, tls }: NodeContext,
  { stores, presence, clientPool }: ClusterDeps,
  parts: Pick<ClusterParts, 'raft' | 'journal' | 'updater'>,
): Control {
  const { store } = stores;
  return createControl({
    ...parts,
    clusterId: knownClusterId(boot) ?? '',
    selfNodeId: config.nodeId,
    store,
    membership: presence.membership,
    clientPool,
    clock,
    heartbeatMs: config.heartbeatMs,
    controlAt: (address) => createControlClient({ addresses: [address], tls, logger }),
    describeRelease: (hash) => readVersion(releasePath(config.base, hash)).catch(() => null),
    approveMember: async (id) => {
      if (await approveMember(store, id)) return;
      throw new ClusterError('not-found', `no node ${id} asked to join`, { seen: id, next: '`claudecluster status`' });
    },
  });
}
