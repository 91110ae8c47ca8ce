/**
 * The composition root of a node: the one place that names adapters. Reading order: runDaemon → startMember → join →
 * shutDown. Everything else is put together here and lives elsewhere.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { destination, type Logger as Pino, pino } from 'pino';
import { createEtcdMaintenance } from '../adapters/etcd/maintenance.ts';
import { createEtcdStore } from '../adapters/etcd/store.ts';
import { createSupervisorClient } from '../adapters/supervisor/index.ts';
import { systemClock } from '../adapters/system-clock.ts';
import {
  bootstrapPaths,
  checkClusterId,
  confirmMember,
  knownClusterId,
  prepareEtcdStart,
  readStartFacts,
} from '../cluster/bootstrap.ts';
import { createControl } from '../cluster/control.ts';
import { approveMember, createHeartbeat, registerMember } from '../cluster/heartbeat.ts';
import { createJournal } from '../cluster/journal.ts';
import { keys } from '../cluster/keys.ts';
import { createLeadership } from '../cluster/leadership.ts';
import { createMembership } from '../cluster/membership.ts';
import { createRaft, keepRaftLeaderHere } from '../cluster/raft.ts';
import { isEnded } from '../cluster/update/record.ts';
import { RollingUpdater } from '../cluster/updater.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import { createAgentService } from '../grpc/agent-service.ts';
import { GrpcClientPool } from '../grpc/client-pool.ts';
import { createControlClient } from '../grpc/control-client.ts';
import { createGrpcServer, type GrpcServer } from '../grpc/server.ts';
import { loadTls } from '../grpc/tls.ts';
import type { Watch } from '../ports/store.ts';
import { localReleases } from '../release/local.ts';
import { diskFreeBytes, releaseHashes, releasePath } from '../release/store.ts';
import { finishPush, serveRsync } from '../release/transfer.ts';
import { readVersion, releaseRef } from '../release/version.ts';
import { etcdTlsPaths, type NodeConfig } from './config.ts';
import { holdDaemon } from './daemon-lock.ts';
import { admitEpoch, readEpoch } from './epoch.ts';
import { etcdArgv } from './etcd-argv.ts';
import { createEtcdMember, type EtcdMember } from './etcd-member.ts';
import { createHooks } from './hooks.ts';
import { nodePaths } from './paths.ts';
import { watchProbation } from './probation-watch.ts';
import { healthReport, type SelfFacts, unhealthyReasons } from './self-health.ts';
import { createTaskRegistry } from './tasks.ts';
import { readInstalled, readTrial, writeHealthyMarker } from './trial-view.ts';
import { createWayBack } from './way-back.ts';

/** Whatever is not done by then when asked to stop is left, ms: systemd and people expect an end within 10 s. */
const shutdownMs = 9_000;
/** Of these, for tasks that still run, ms; a planned restart drains before it asks us to stop. */
const tasksMs = 2_000;
/** Between two looks of the node at itself, ms. */
const selfCheckMs = 250;
/** A heartbeat that was not taken by then is written anew, ms: a Raft leader that moves drops what was forwarded to it. */
const heartbeatWriteMs = 1_000;
/** Between two attempts to reach the cluster at start, ms. */
const joinRetryMs = 250;

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
  await node.run(stop.signal);
  const timer = setTimeout(() => {
    logger.error({}, `not stopped after ${shutdownMs} ms: leaving the rest`);
    process.exit(0);
  }, shutdownMs);
  await node.shutDown();
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
  let notReady = `${nodeId} has not reached its cluster yet`;
  let stopping = false;
  let memberId: string | null = null;

  const tasks = createTaskRegistry({
    nodeId,
    base,
    ownArgv: [process.execPath, realpathSync(bundle)],
    env: { CLAUDECLUSTER_CONFIG: config.file },
  });
  const isDraining = (): boolean => stopping || tasks.draining();

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
    describe: () => ({
      address: config.advertise,
      role: config.role,
      status: isDraining() ? 'draining' : 'active',
      release: { ...release },
      trial: readTrial(base)?.release ?? null,
      protocol: version.protocol,
      memberId,
    }),
  });
  const facts = (): SelfFacts => ({
    notReady: stopping ? `${nodeId} is stopping` : notReady,
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
    serveRsync,
    finishPush: async (hash) => {
      await finishPush(base, hash);
    },
  });

  // ------------------------------------------------------------------------------------------------ its life

  let server: GrpcServer | null = null;
  let stopKeeper = async (): Promise<void> => undefined;
  let leading: Promise<void> = Promise.resolve();
  const watches: Watch[] = [];
  const ending = new AbortController();

  /** Starts the member, or says why it may not start; a node never becomes a cluster of its own. */
  const startMember = async (signal: AbortSignal): Promise<void> => {
    if (member === null || managed === null) return;
    const start = prepareEtcdStart(boot, nodeId, managed.peer);
    if (start.kind === 'wait') {
      notReady = `${start.reason}; ${start.next}`;
      logger.error({ reason: start.reason, next: start.next }, 'the Raft member is not started');
      return;
    }
    notReady = 'its etcd does not serve yet';
    await member.start();
    await member.ready(signal);
    confirmMember(boot, nodeId);
    memberId = (await admin.members()).find((one) => one.name === nodeId)?.memberId ?? null;
  };

  /** A record that is not kept any more is of an update that ended long ago. */
  const updateEnded = async (updateId: string): Promise<boolean> => {
    const record = await journal.get(updateId);
    return record === null || isEnded(record);
  };

  /** Joins the cluster; as long as it cannot be reached, waits and says so. */
  const joinCluster = async (signal: AbortSignal): Promise<void> => {
    for (let told = ''; !signal.aborted; ) {
      try {
        const clusterId = await checkClusterId(store, clock, boot);
        const seed = readStartFacts(boot, nodeId, managed?.peer ?? '').bootstrap;
        const approved =
          seed !== null &&
          seed !== 'unreadable' &&
          (seed.nodes.includes(nodeId) || seed.initialCluster.some((one) => one.name === nodeId));
        const { role, advertise: address } = config;
        await registerMember(store, {
          nodeId,
          address,
          role,
          approved,
          protocol: version.protocol,
          release: { ...release },
        });
        logger.info({ clusterId }, 'joined');
        return;
      } catch (thrown) {
        const error = asClusterError(thrown);
        notReady = `${error.message}${error.detail.next === undefined ? '' : `; ${error.detail.next}`}`;
        if (told !== error.message) logger.warn({ err: error.toJSON() }, 'waiting for the cluster');
        told = error.message;
        await clock.sleep(joinRetryMs, signal);
      }
    }
  };

  /** Looks at itself: tells the others when its health changed, and its own guard when it is healthy on trial (P3). */
  const watchSelf = async (signal: AbortSignal): Promise<void> => {
    let before: boolean | null = null;
    let trialBefore: string | null = null;
    while (!signal.aborted) {
      const reasons = unhealthyReasons(facts());
      const healthy = reasons.length === 0;
      const trial = readTrial(base)?.release ?? null;
      if (healthy !== before) {
        server?.setServing(healthy);
        if (healthy) {
          writeHealthyMarker(base, incarnation, release.buildHash, clock);
          logger.info({ incarnation }, 'ready');
          void hooks.afterRestart();
        } else if (before !== null) logger.warn({ reasons }, 'unhealthy');
      }
      if (trial !== trialBefore && heartbeat.written().seq > 0) void heartbeat.touch();
      before = healthy;
      trialBefore = trial;
      await clock.sleep(selfCheckMs, signal);
    }
  };

  return {
    incarnation,
    release,

    /** Returns when asked to stop. */
    run: async (signal: AbortSignal): Promise<void> => {
      // The server first: a node that cannot reach its cluster can still be asked how it is.
      server = await createGrpcServer({ listen: config.listen, tls, agent, control, logger });
      const self = watchSelf(signal);
      void watchProbation(
        { base, clock, logger, probationMs: config.probationMs, updateEnded, healthy: isHealthy },
        signal,
      );
      const started = (async () => {
        await startMember(signal);
        if (signal.aborted || (member !== null && member.state().phase === 'idle')) return;
        await joinCluster(signal);
        if (signal.aborted) return;
        heartbeat.start();
        membership.start();
        leadership.start();
        notReady = '';
        watches.push(await store.watch(keys.update, () => updater.wake()));
        leadership.onChange(() => updater.wake());
        stopKeeper = keepRaftLeaderHere({
          raft,
          clock,
          logger,
          nodeId,
          mayMoveRaftLeader: async () => managed !== null && isHealthy() && (await journal.current()) === null,
        });
        leading = updater.lead(ending.signal);
      })();
      await new Promise<void>((done) => {
        if (signal.aborted) done();
        signal.addEventListener('abort', () => done(), { once: true });
      });
      await Promise.race([Promise.allSettled([self, started]), clock.sleep(1_000)]);
    },

    /** Drain, move the Raft leader away if it is here, resign, stop etcd cleanly (within `shutdownMs`). */
    shutDown: async (): Promise<void> => {
      stopping = true;
      server?.setServing(false);
      tasks.drain(true);
      ending.abort();
      await Promise.race([heartbeat.touch(), clock.sleep(500)]);
      await waitForTasks(tasksMs);
      if (managed !== null && config.role === 'voter') await moveRaftLeaderAway();
      await stopKeeper();
      await Promise.race([leading, clock.sleep(500)]);
      await quietly(leadership.resign());
      await leadership.stop();
      const ended = await tasks.endAll();
      if (ended.length > 0) logger.warn({ count: ended.length, programs: ended }, 'ended tasks that still ran');
      await tasks.endAll({ verbs: true });
      await Promise.all(watches.map((watch) => quietly(watch.close())));
      await quietly(membership.stop());
      await quietly(heartbeat.stop({ revoke: true }));
      await server?.stop(300);
      clientPool.closeAll();
      await member?.stop();
      await Promise.all([quietly(admin.close()), quietly(store.close()), quietly(ownStore.close())]);
    },
  };

  async function waitForTasks(atMostMs: number): Promise<void> {
    const until = clock.nowMs() + atMostMs;
    while (tasks.running() > 0 && clock.nowMs() < until) await clock.sleep(50);
  }

  /** A Raft leader that stops without notice costs the writers seconds; a move costs them milliseconds. */
  async function moveRaftLeaderAway(): Promise<void> {
    const attempt = async (): Promise<void> => {
      const peers = await raft.getPeers();
      if (!peers.some((peer) => peer.nodeId === nodeId && peer.isRaftLeader)) return;
      const best = peers
        .filter((peer) => peer.nodeId !== nodeId && peer.kind === 'voter' && peer.healthy)
        .sort((one, two) => (two.appliedIndex ?? 0) - (one.appliedIndex ?? 0))[0];
      if (best === undefined) return;
      logger.info({ to: best.nodeId }, 'moving the Raft leader away');
      await raft.moveRaftLeader(best.nodeId);
    };
    await Promise.race([quietly(attempt()), clock.sleep(3_000)]);
  }
}

async function quietly(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch {
    // On the way out: whoever needs it finds out from the lease that ran out.
  }
}
