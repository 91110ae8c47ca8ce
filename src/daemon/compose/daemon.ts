/**
 * The composition root of a node: the one place that names adapters. What it puts together here lives elsewhere; how it
 * lives, from start to end, is node-life.ts.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { destination, type Logger as Pino, pino } from 'pino';
import { createEtcdMaintenance } from '../../adapters/etcd/maintenance.ts';
import { createEtcdStore } from '../../adapters/etcd/store.ts';
import { rsync } from '../../adapters/rsync/index.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { nodePaths } from '../../base/paths.ts';
import { createControl } from '../../cluster/control.ts';
import { createJournal } from '../../cluster/journal.ts';
import { createLeadership } from '../../cluster/leadership.ts';
import { createRaft } from '../../cluster/raft.ts';
import { RollingUpdater } from '../../cluster/updater.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import { createAgentService } from '../../grpc/agent-service.ts';
import { GrpcClientPool } from '../../grpc/client-pool.ts';
import { createControlClient } from '../../grpc/control-client.ts';
import { createGrpcServer } from '../../grpc/server.ts';
import { loadTls } from '../../grpc/tls.ts';
import { admitEpoch, readEpoch } from '../../host/epoch.ts';
import { createHooks } from '../../host/hooks.ts';
import { localReleases } from '../../host/local-releases.ts';
import { createSupervisorClient } from '../../host/managers/supervisor/manager.ts';
import { createTaskRegistry } from '../../host/tasks.ts';
import { bootstrapPaths, knownClusterId, prepareEtcdStart } from '../../members/bootstrap.ts';
import { approveMember, createHeartbeat } from '../../members/heartbeat.ts';
import { createMembership } from '../../members/membership.ts';
import { diskFreeBytes, releaseHashes, releasePath } from '../../release/store.ts';
import { finishPush, serveRelease } from '../../release/transfer.ts';
import { readVersion, releaseRef } from '../../release/version.ts';
import { readInstalled, readTrial } from '../../trial/trial-view.ts';
import { createWayBack } from '../../trial/way-back.ts';
import { etcdTlsPaths, type NodeConfig } from '../config.ts';
import { holdDaemon } from '../daemon-lock.ts';
import { etcdArgv } from '../etcd/argv.ts';
import { createEtcdMember, type EtcdMember } from '../etcd/member.ts';
import { createNodeLife, type NodeState } from '../node-life.ts';
import { healthReport, type SelfFacts, unhealthyReasons } from '../self-health.ts';

/** Whatever is not done by then when asked to stop is left, ms: systemd and people expect an end within 10 s. */
const shutdownMs = 9_000;
/** A heartbeat that was not taken by then is written anew, ms: a Raft leader that moves drops what was forwarded to it. */
const heartbeatWriteMs = 1_000;

export interface DaemonRequest {
  config: NodeConfig;
  /** Path of the bundle that runs: <base>/dist/index.js. */
  bundle: string;
}

/** Runs the node until SIGTERM or SIGINT. Returns the exit code. */
export async function runDaemon({ config, bundle }: DaemonRequest): Promise<number> {
  const paths = nodePaths(config.base);
  for (const dir of [paths.data, paths.run, paths.log, paths.releases]) mkdirSync(dir, { recursive: true });
  const logger = pino({ level: config.logLevel, base: { nodeId: config.nodeId } }, destination({ fd: 2, sync: true }));
  const letGo = holdDaemon(config.base, 'daemon');
  const stop = new AbortController();
  dieLoudly(logger);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      logger.info({ signal }, 'asked to stop');
      stop.abort();
    });
  }
  const node = await composeNode(config, bundle, logger);
  logger.info({ incarnation: node.incarnation, release: node.release }, 'started');
  await node.life.run(stop.signal);
  const timer = setTimeout(() => {
    logger.error({}, `not stopped after ${shutdownMs} ms: leaving the rest`);
    process.exit(0);
  }, shutdownMs);
  await node.life.shutDown();
  clearTimeout(timer);
  letGo();
  logger.info({}, 'stopped');
  return 0;
}

/** A half-dead daemon helps nobody: whatever was not caught ends the process, and the service manager starts a new one. */
function dieLoudly(logger: Pino): void {
  const die = (what: string) => (thrown: unknown) => {
    const error = asClusterError(thrown);
    const stack = (error.cause instanceof Error ? error.cause : error).stack;
    logger.fatal({ err: error.toJSON(), stack }, what);
    process.exit(1);
  };
  process.on('unhandledRejection', die('unhandled rejection'));
  process.on('uncaughtException', die('uncaught exception'));
}

async function composeNode(config: NodeConfig, bundle: string, logger: Pino) {
  const clock = systemClock;
  const { nodeId, base, service, heartbeatMs } = config;
  const paths = nodePaths(base);
  const boot = bootstrapPaths(paths.data);
  const tls = loadTls(config.tls);
  const version = await readVersion(dirname(realpathSync(bundle)));
  const release = releaseRef(version);
  const incarnation = clock.randomId(8);
  const managed = 'endpoints' in config.etcd ? null : config.etcd;
  const endpoints = 'endpoints' in config.etcd ? config.etcd.endpoints : [config.etcd.client, ...config.etcd.others];
  const etcdTls = loadTls(etcdTlsPaths(config));

  // A voter's lease and heartbeats go through its own member only: each one proves that it takes writes (P4).
  const ownStore = createEtcdStore({
    endpoints: managed ? [managed.client] : endpoints,
    tls: etcdTls,
    clock,
    requestTimeoutMs: heartbeatWriteMs,
  });
  const store = managed ? createEtcdStore({ endpoints, tls: etcdTls, clock }) : ownStore;
  const admin = createEtcdMaintenance({ endpoints, tls: etcdTls, clock });
  const clientPool = new GrpcClientPool({ tls });
  const state: NodeState = { notReady: `${nodeId} has not reached its cluster yet`, stopping: false, memberId: null };
  const ending = new AbortController();

  const tasks = createTaskRegistry({
    nodeId,
    base,
    ownArgv: [process.execPath, realpathSync(bundle)],
    env: { CLAUDECLUSTER_CONFIG: config.file },
  });
  const isDraining = (): boolean => state.stopping || tasks.draining();

  const hooks = createHooks({ base, nodeId, config: config.hooks, clock, logger, signal: () => ending.signal });
  const wayBack = createWayBack({
    base,
    clock,
    supervised: process.env.CLAUDECLUSTER_SUPERVISOR_PID !== undefined,
    serviceManagerAnswers: () => createSupervisorClient(base, 1_000).status(),
  });

  const member: EtcdMember | null = managed
    ? createEtcdMember({
        clock,
        logger,
        binary: managed.binary,
        dataDir: boot.etcd,
        pidFile: join(paths.run, 'etcd.pid'),
        logFile: join(paths.log, 'etcd.log'),
        probe: { address: managed.client, tls: etcdTls },
        argv: () => {
          const start = prepareEtcdStart(boot, nodeId, managed.peer);
          if (start.kind === 'wait')
            throw new ClusterError('operator-needed', start.reason, { nodeId, next: start.next });
          return etcdArgv({ name: nodeId, dataDir: boot.etcd, ...managed, tls: etcdTlsPaths(config), start });
        },
      })
    : null;

  const heartbeat = createHeartbeat({
    store: ownStore,
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
      protocol: version.protocol,
      memberId: state.memberId,
    }),
  });
  const facts = (): SelfFacts => ({
    notReady: state.stopping ? `${nodeId} is stopping` : state.notReady,
    member: member?.state() ?? null,
    heartbeatMsAgo: heartbeat.written().lastMsAgo,
    heartbeatMs,
  });
  const isHealthy = (): boolean => unhealthyReasons(facts()).length === 0;
  const membership = createMembership({ store, clock, logger, heartbeatMs });
  const leadership = createLeadership({
    store,
    clock,
    logger,
    nodeId,
    lease: heartbeat.lease,
    onLease: heartbeat.onLease,
    // Workers follow: the leader must be able to keep the Raft leader beside it.
    mayCampaign: () => config.role === 'voter' && !isDraining() && isHealthy(),
    raftLeader: () => raft.raftLeader(),
  });
  const raft = createRaft({ admin, leadership, clock });
  const journal = createJournal(store, clock, nodeId);
  const updater = new RollingUpdater({
    membership,
    raft,
    clientPool,
    logger,
    selfNodeId: nodeId,
    journal,
    releases: localReleases(base),
    clock,
    service,
    heartbeatMs,
    stragglers: config.stragglers,
  });
  const control = createControl({
    clusterId: knownClusterId(boot) ?? '',
    selfNodeId: nodeId,
    store,
    journal,
    membership,
    raft,
    clientPool,
    clock,
    updater,
    heartbeatMs,
    controlAt: (address) => createControlClient({ addresses: [address], tls, logger }),
    describeRelease: (hash) => readVersion(releasePath(base, hash)).catch(() => null),
    approveMember: async (id) => {
      if (await approveMember(store, id)) return;
      throw new ClusterError('not-found', `no node ${id} asked to join`, { seen: id, next: '`claudecluster status`' });
    },
  });

  const agent = createAgentService({
    base,
    tasks,
    logger,
    health: () =>
      healthReport({
        nodeId,
        service,
        base,
        incarnation,
        release,
        heartbeatMs,
        clock,
        facts,
        appliedIndex: async () => (managed === null ? null : (await admin.status(managed.client, 500)).appliedIndex),
        staged: () => releaseHashes(base),
        installed: () => readInstalled(base),
        epoch: () => readEpoch(base),
        draining: isDraining,
        runningTasks: () => tasks.running(),
        diskFreeBytes: () => diskFreeBytes(base),
        wayBack,
      }),
    drain: async ({ draining, epoch }) => {
      admitEpoch(base, Number(epoch), nodeId); // P6
      const runningTasks = tasks.drain(draining);
      await Promise.race([heartbeat.touch(), clock.sleep(1_000)]);
      return { runningTasks };
    },
    serveRsync: (request) => serveRelease({ transfer: rsync, ...request }),
    finishPush: async (hash) => {
      await finishPush(base, hash);
    },
  });

  const life = createNodeLife({
    config,
    version,
    incarnation,
    state,
    boot,
    clock,
    logger,
    store,
    member,
    heartbeat,
    membership,
    leadership,
    raft,
    journal,
    updater,
    tasks,
    hooks,
    ending,
    facts,
    ownMemberId: async () => (await admin.members()).find((one) => one.name === nodeId)?.memberId ?? null,
    listen: () => createGrpcServer({ listen: config.listen, tls, agent, control, logger }),
    disconnect: async () => {
      clientPool.closeAll();
      await Promise.all([admin.close(), store.close(), ownStore.close()]);
    },
  });
  return { life, incarnation, release };
}
