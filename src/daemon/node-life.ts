/**
 * The life of a node, from its start to its end: server, Raft member, cluster, leadership; and all of it back again.
 * What it is made of comes from daemon.ts.
 */

import { keys } from '../base/store-keys.ts';
import type { Journal } from '../cluster/journal.ts';
import type { LeadershipHandle } from '../cluster/leadership.ts';
import { keepRaftLeaderHere, type RaftView } from '../cluster/raft.ts';
import { isEnded } from '../cluster/update/record.ts';
import type { RollingUpdater } from '../cluster/updater.ts';
import { asClusterError } from '../errors.ts';
import type { GrpcServer } from '../grpc/server.ts';
import type { Hooks } from '../host/hooks.ts';
import type { TaskRegistry } from '../host/tasks.ts';
import {
  type BootstrapPaths,
  checkClusterId,
  confirmMember,
  prepareEtcdStart,
  readStartFacts,
} from '../members/bootstrap.ts';
import { type Heartbeat, registerMember } from '../members/heartbeat.ts';
import type { LiveMembership } from '../members/membership.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { VersionInfo } from '../ports/releases.ts';
import type { Store, Watch } from '../ports/store.ts';
import { releaseRef } from '../release/version.ts';
import { watchProbation } from '../trial/probation-watch.ts';
import { readTrial, writeHealthyMarker } from '../trial/trial-view.ts';
import type { NodeConfig } from './config.ts';
import type { EtcdMember } from './etcd/member.ts';
import { type SelfFacts, unhealthyReasons } from './self-health.ts';

/** For tasks that still run when the node is asked to stop, ms; a planned restart drains before it asks. */
const tasksMs = 2_000;
/** For the node's own verbs to give their answers, ms. */
const verbsMs = 1_000;
/** Every farewell that needs the store, ms: without a quorum none of them is heard. */
const farewellMs = 1_000;
/** Moving the Raft leader away, ms. */
const moveAwayMs = 3_000;
/** Between two looks of the node at itself, ms. */
const selfCheckMs = 250;
/** Between two attempts to reach the cluster at start, ms. */
const joinRetryMs = 250;

/** What the parts of a node tell each other about where it is in its life. */
export interface NodeState {
  /** Why the node does not take part yet; '' when it does. */
  notReady: string;
  stopping: boolean;
  /** Hex id of its Raft member, once known. */
  memberId: string | null;
}

export interface NodeParts {
  config: NodeConfig;
  version: VersionInfo;
  incarnation: string;
  state: NodeState;
  boot: BootstrapPaths;
  clock: Clock;
  logger: Logger;
  store: Store;
  /** null: the node runs no member. */
  member: EtcdMember | null;
  heartbeat: Heartbeat;
  membership: LiveMembership;
  leadership: LeadershipHandle;
  raft: RaftView;
  journal: Journal;
  updater: RollingUpdater;
  tasks: TaskRegistry;
  hooks: Hooks;
  /** Aborts when the node begins to stop. */
  ending: AbortController;
  facts(): SelfFacts;
  ownMemberId(): Promise<string | null>;
  listen(): Promise<GrpcServer>;
  /** Connections to others, last of all. */
  disconnect(): Promise<void>;
}

export interface NodeLife {
  /** Returns when asked to stop. */
  run(signal: AbortSignal): Promise<void>;
  /** Drain, move the Raft leader away if it is here, resign, stop etcd cleanly. */
  shutDown(): Promise<void>;
}

export function createNodeLife(parts: NodeParts): NodeLife {
  const { config, version, state, boot, clock, logger, store, member, heartbeat, leadership, raft, journal } = parts;
  const { nodeId, base } = config;
  const release = releaseRef(version);
  const peer = 'endpoints' in config.etcd ? '' : config.etcd.peer;
  const isHealthy = (): boolean => unhealthyReasons(parts.facts()).length === 0;
  const watches: Watch[] = [];
  let server: GrpcServer | null = null;
  let stopKeeper = async (): Promise<void> => undefined;
  let leading: Promise<void> = Promise.resolve();

  /** Starts the member, or says why it may not start; a node never becomes a cluster of its own. False: it waits. */
  const startMember = async (signal: AbortSignal): Promise<boolean> => {
    if (member === null) return true;
    const start = prepareEtcdStart(boot, nodeId, peer);
    if (start.kind === 'wait') {
      state.notReady = `${start.reason}; ${start.next}`;
      logger.error({ reason: start.reason, next: start.next }, 'the Raft member is not started');
      return false;
    }
    state.notReady = 'its etcd does not serve yet';
    await member.start();
    await member.ready(signal);
    confirmMember(boot, nodeId);
    state.memberId = await parts.ownMemberId().catch(() => null);
    return true;
  };

  /** Joins the cluster; as long as it cannot be reached, waits and says so. */
  const joinCluster = async (signal: AbortSignal): Promise<void> => {
    for (let told = ''; !signal.aborted; ) {
      try {
        const clusterId = await checkClusterId(store, clock, boot);
        const seed = readStartFacts(boot, nodeId, peer).bootstrap;
        const approved =
          seed !== null &&
          seed !== 'unreadable' &&
          (seed.nodes.includes(nodeId) || seed.initialCluster.some((one) => one.name === nodeId));
        const { role, advertise: address } = config;
        const { protocol } = version;
        await registerMember(store, { nodeId, address, role, approved, protocol, release: { ...release } });
        logger.info({ clusterId }, 'joined');
        return;
      } catch (thrown) {
        const error = asClusterError(thrown);
        state.notReady = `${error.message}${error.detail.next === undefined ? '' : `; ${error.detail.next}`}`;
        if (told !== error.message) logger.warn({ err: error.toJSON() }, 'waiting for the cluster');
        told = error.message;
        await clock.sleep(joinRetryMs, signal);
      }
    }
  };

  const takePart = async (signal: AbortSignal): Promise<void> => {
    if (!(await startMember(signal)) || signal.aborted) return;
    await joinCluster(signal);
    if (signal.aborted) return;
    heartbeat.start();
    parts.membership.start();
    leadership.start();
    state.notReady = '';
    // An operator's wish, and every heartbeat, is looked at when it comes: polling is for what nobody announces.
    for (const key of [keys.update, keys.nodes]) watches.push(await store.watch(key, () => parts.updater.wake()));
    leadership.onChange(() => parts.updater.wake());
    stopKeeper = keepRaftLeaderHere({
      raft,
      clock,
      logger,
      nodeId,
      mayMoveRaftLeader: async () => member !== null && isHealthy() && (await journal.current()) === null,
    });
    leading = parts.updater.lead(parts.ending.signal);
  };

  /** Looks at itself: tells the others when its health changed, and its own guard when it is healthy on trial (P3). */
  const watchSelf = async (signal: AbortSignal): Promise<void> => {
    const seen = { healthy: null as boolean | null, trial: null as string | null, told: '' };
    while (!signal.aborted) {
      try {
        lookAtSelf(seen);
        seen.told = '';
      } catch (thrown) {
        // A disk that refuses must not end a node that serves: what could not be written is tried again.
        const { message } = asClusterError(thrown);
        if (message !== seen.told) logger.warn({ error: message }, 'cannot keep what this node knows of itself');
        seen.told = message;
      }
      await clock.sleep(selfCheckMs, signal);
    }
  };

  const lookAtSelf = (seen: { healthy: boolean | null; trial: string | null }): void => {
    const reasons = unhealthyReasons(parts.facts());
    const healthy = reasons.length === 0;
    if (healthy !== seen.healthy) {
      server?.setServing(healthy);
      if (healthy) {
        writeHealthyMarker(base, parts.incarnation, release.buildHash, clock);
        logger.info({ incarnation: parts.incarnation }, 'ready');
        void parts.hooks.afterRestart();
      } else if (seen.healthy !== null) logger.warn({ reasons }, 'unhealthy');
      seen.healthy = healthy;
    }
    const trial = readTrial(base)?.release ?? null;
    if (trial !== seen.trial && heartbeat.written().seq > 0) void heartbeat.touch();
    seen.trial = trial;
  };

  /** A record that is not kept any more is of an update that ended long ago. */
  const updateEnded = async (updateId: string): Promise<boolean> => {
    const record = await journal.get(updateId);
    return record === null || isEnded(record);
  };

  const within = (ms: number, work: Promise<unknown>): Promise<unknown> =>
    Promise.race([
      work.catch(() => undefined), // On the way out: whoever needs it finds out from the lease that ran out.
      clock.sleep(ms),
    ]);

  const waitForTasks = async (): Promise<void> => {
    const until = clock.nowMs() + tasksMs;
    while (parts.tasks.running() > 0 && clock.nowMs() < until) await clock.sleep(50);
  };

  /** A Raft leader that stops without notice costs the writers seconds; a move costs them milliseconds. */
  const moveRaftLeaderAway = async (): Promise<void> => {
    const peers = await raft.getPeers();
    if (!peers.some((one) => one.nodeId === nodeId && one.isRaftLeader)) return;
    const best = peers
      .filter((one) => one.nodeId !== nodeId && one.kind === 'voter' && one.healthy)
      .sort((one, two) => (two.appliedIndex ?? 0) - (one.appliedIndex ?? 0))[0];
    if (best === undefined) return;
    logger.info({ to: best.nodeId }, 'moving the Raft leader away');
    await raft.moveRaftLeader(best.nodeId);
  };

  return {
    run: async (signal) => {
      // The server first: a node that cannot reach its cluster can still be asked how it is.
      server = await parts.listen();
      const self = watchSelf(signal);
      const { probationMs } = config;
      void watchProbation({ base, clock, logger, probationMs, updateEnded, healthy: isHealthy }, signal);
      const started = takePart(signal);
      await new Promise<void>((done) => {
        if (signal.aborted) done();
        signal.addEventListener('abort', () => done(), { once: true });
      });
      await within(farewellMs, Promise.all([self, started]));
    },

    shutDown: async () => {
      state.stopping = true;
      server?.setServing(false);
      parts.tasks.drain(true);
      parts.ending.abort();
      await within(farewellMs / 2, heartbeat.touch());
      await waitForTasks();
      if (member !== null) await within(moveAwayMs, moveRaftLeaderAway());
      await within(farewellMs, Promise.all([stopKeeper(), leading]));
      await within(farewellMs, leadership.resign());
      const ended = await parts.tasks.endAll();
      if (ended.length > 0) logger.warn({ count: ended.length, programs: ended }, 'ended tasks that still ran');
      // The verb that asked for this restart has an answer to give: a caller that never hears it asks again.
      await parts.tasks.verbsEnded(verbsMs);
      await parts.tasks.endAll({ verbs: true });
      const silent = [leadership.stop(), parts.membership.stop(), ...watches.map((watch) => watch.close())];
      await within(farewellMs, Promise.all([...silent, heartbeat.stop({ revoke: true })]));
      await server?.stop(300);
      await member?.stop();
      await within(farewellMs, parts.disconnect());
    },
  };
}
