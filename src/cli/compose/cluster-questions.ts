/** What a verb asks of the cluster: through this node's daemon, whose connections are warm, and by itself where there is none. */
import type { QuorumDeps } from '../../cluster/quorum-check.ts';
import { etcdTlsPaths, type NodeConfig } from '../../daemon/config.ts';
import { askOwnDaemon, type OwnQuestions } from '../../host/own-questions.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Store } from '../../ports/store.ts';

export function clusterQuestions(config: NodeConfig, clock: Clock): OwnQuestions {
  return askOwnDaemon(config.base, () => ({
    quorumCheck: (asked) =>
      withCluster(config, clock, async (deps) => {
        const { quorumCheck } = await import('../../cluster/quorum-check.ts');
        await quorumCheck(deps, config.nodeId, asked);
      }),
    storeEpoch: () => withStore(config, clock, async (store) => (await epochs()).presentEpoch(store)),
  }));
}

const epochs = () => import('../../cluster/present-epoch.ts');

/** Runs `work` with a connection of this process to the store. gRPC and etcd are loaded here and by no other verb. */
export function withStore<T>(config: NodeConfig, clock: Clock, work: (store: Store) => Promise<T>): Promise<T> {
  return withCluster(config, clock, ({ store }) => work(store));
}

async function withCluster<T>(config: NodeConfig, clock: Clock, work: (deps: QuorumDeps) => Promise<T>): Promise<T> {
  const [{ createEtcdStore }, { createEtcdMaintenance }, { createRaft }, { loadTls }] = await Promise.all([
    import('../../adapters/etcd/store.ts'),
    import('../../adapters/etcd/maintenance.ts'),
    import('../../cluster/raft.ts'),
    import('../../grpc/tls.ts'),
  ]);
  const { etcd } = config;
  const endpoints = 'endpoints' in etcd ? etcd.endpoints : [etcd.client, ...etcd.others];
  // An external etcd without TLS of its own is spoken to as the daemon does.
  const tls = loadTls(etcdTlsPaths(config));
  const store = createEtcdStore({ endpoints, tls, clock });
  const admin = createEtcdMaintenance({ endpoints, tls, clock });
  const nobody = { leader: null, epoch: 0 };
  const leadership = { isLeader: () => false, leadership: async () => nobody, handOver: async () => false };
  try {
    return await work({ store, raft: createRaft({ admin, leadership, clock }), clock });
  } finally {
    await Promise.all([store.close(), admin.close()]);
  }
}
