/** What the node verbs need of this host. gRPC and etcd are loaded by the verb that asks them, and by no other. */
import type { QuorumQuestion } from '../../cluster/quorum-check.ts';
import { etcdTlsPaths, loadNodeConfig, type NodeConfig } from '../../daemon/config.ts';
import type { Context } from '../../front/context.ts';
import type { VerbDeps } from '../../host/verbs.ts';
import type { Clock } from '../../ports/clock.ts';

export async function verbDeps(
  configFile: string,
  { clock, interrupts }: Pick<Context, 'clock' | 'interrupts'>,
): Promise<{ config: NodeConfig; deps: VerbDeps; serviceManagerAnswers(): Promise<string> }> {
  const config = loadNodeConfig(configFile);
  const { base, nodeId } = config;
  const [{ createSupervisorServiceManager, createSupervisorClient }, { createHooks }, { tellPeople }] =
    await Promise.all([
      import('../../host/managers/supervisor/manager.ts'),
      import('../../host/hooks.ts'),
      import('../../base/wall.ts'),
    ]);
  const hooked = Object.keys(config.hooks).length > 0;
  const deps: VerbDeps = {
    base: config.base,
    nodeId: config.nodeId,
    service: config.service,
    clock,
    serviceManager: createSupervisorServiceManager(config.base),
    quorumCheck: (asked) => ownQuorumCheck(config, clock, asked),
    verifyRelease: async (base, hash) => (await import('../../release/store.ts')).verifyRelease(base, hash),
    prune: (base) => pruneAll(base, config.keepReleases),
    // A verb that is told to end takes its hook with it.
    ...(hooked
      ? { hooks: createHooks({ base, nodeId, config: config.hooks, clock, signal: () => interrupts() }) }
      : {}),
    tellPeople,
  };
  const serviceManagerAnswers = async (): Promise<string> => {
    const { pid, state } = await createSupervisorClient(base).status();
    return `supervisor ${pid}: ${state}`;
  };
  return { config, deps, serviceManagerAnswers };
}

/** After an update: releases that nothing needs, and every tree that was left half done. */
async function pruneAll(base: string, keepReleases: number): Promise<void> {
  const [{ prune }, { removeStale }] = await Promise.all([
    import('../../release/prune.ts'),
    import('../../release/tidy.ts'),
  ]);
  await prune(base, keepReleases);
  await removeStale(base);
}

/** The node's own last look before it stops: a linearizable read, and a question to every member (P1). */
async function ownQuorumCheck(config: NodeConfig, clock: Clock, asked: QuorumQuestion): Promise<void> {
  const [{ createEtcdStore }, { createEtcdMaintenance }, { createRaft }, { quorumCheck }, { loadTls }] =
    await Promise.all([
      import('../../adapters/etcd/store.ts'),
      import('../../adapters/etcd/maintenance.ts'),
      import('../../cluster/raft.ts'),
      import('../../cluster/quorum-check.ts'),
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
    await quorumCheck({ store, raft: createRaft({ admin, leadership, clock }), clock }, config.nodeId, asked);
  } finally {
    await Promise.all([store.close(), admin.close()]);
  }
}
