/**
 * A daemon's life: start, member, heartbeats, the build's own misbehaviour, the graceful stop. Leadership, journal,
 * updater and control inside it are the real ones.
 */

import { keys } from '../../src/base/store-keys.ts';
import { watchDamaged } from '../../src/cluster/aftercare/damaged.ts';
import { createControl } from '../../src/cluster/control/control.ts';
import { createJournal } from '../../src/cluster/journal/journal.ts';
import { createLeadership } from '../../src/cluster/leadership/leadership.ts';
import { ownUpkeep } from '../../src/cluster/own-upkeep.ts';
import { RollingUpdater } from '../../src/cluster/updater.ts';
import { ClusterError } from '../../src/errors.ts';
import { reasonsOf } from './agent.ts';
import { type Behaviour, type Build, behaviourOn } from './builds.ts';
import { clientPoolOf } from './client-pool.ts';
import { beat, noteHealth } from './heartbeat.ts';
import { lookWatchOf } from './look.ts';
import { ownError } from './own-error.ts';
import { clockOf, loggerOf, membershipOf, raftOf } from './ports.ts';
import { damaged, startsNever } from './releases.ts';
import { endProc } from './scheduler.ts';
import type { Daemon, Host, World } from './types.ts';

/** Starts a daemon of the release; its end is told to `onExit`. */
export function startDaemon(
  world: World,
  host: Host,
  { build, told }: { build: Build; told: string | null },
  onExit: (daemon: Daemon) => void,
): Daemon {
  const { sched, timing } = world;
  const proc = world.newProc(host, `${host.id}/daemon`);
  proc.errorOf = ownError;
  const side = world.sideOf(build.hash);
  const store = world.store.port(proc, false);
  const clock = clockOf(world, host, proc);
  const daemon: Daemon = {
    proc,
    host,
    side,
    incarnation: world.random.hex(8),
    release: build.hash,
    build,
    startedAtMs: sched.now(),
    listening: false,
    joined: false,
    stopping: false,
    draining: false,
    ill: '',
    tasksUntilMs: 0,
    seq: 0,
    lastBeatMs: null,
    lease: null,
    leaseListeners: new Set(),
    markerWritten: false,
    healthySinceMs: null,
    illSinceMs: sched.now(),
    beatsHealthy: 0,
    wasHealthy: false,
    store,
    journal: createJournal(store, clock, host.id, loggerOf(world, host.id)),
    leadership: null,
    updater: null,
    control: null,
    ending: new AbortController(),
    verbs: new Set(),
    look: lookWatchOf(world, host, proc, { running: build.hash, told }),
    broken: new Set(),
  };
  host.daemon = daemon;
  host.onLooked = () => noteHealth(world, daemon);
  const of = globalThis.simMixed ? ` of ${side.name}` : '';
  world.trace.line(`${host.id}: starts ${build.hash.slice(0, 6)}${of} as ${daemon.incarnation.slice(0, 6)}`);
  proc.onEnd = () => {
    daemon.listening = false;
    world.group.stop(host.id);
    noteHealth(world, daemon);
    for (const tell of daemon.broken) tell();
    for (const run of [...daemon.verbs]) if (timing.chance(0.5)) endProc(run.proc);
    world.checkers.daemonEnded(daemon);
    onExit(daemon);
  };
  world.checkers.daemonStarts(daemon);
  const behaviour = behaviourOn(build, host.id);
  if (startsNever(host, build.hash)) {
    sched.after(proc, timing.int(20, 70), () => endProc(proc));
    return daemon;
  }
  if (behaviour === 'crashes' || (behaviour === 'crashes-once' && firstStart(host, build.hash))) {
    sched.after(proc, build.failsAfterMs, () => endProc(proc));
  }
  sched.after(proc, timing.int(10, 60), () => {
    daemon.listening = true;
  });
  if (behaviour !== 'hangs') sched.after(proc, timing.int(80, 500), () => join(world, daemon, behaviour));
  return daemon;
}

const started = new WeakMap<Host, Set<string>>();

function firstStart(host: Host, hash: string): boolean {
  const seen = started.get(host) ?? new Set();
  started.set(host, seen);
  if (seen.has(hash)) return false;
  seen.add(hash);
  return true;
}

function join(world: World, daemon: Daemon, behaviour: Behaviour): void {
  const { host, proc } = daemon;
  world.group.start(host.id);
  const member = world.group.member(host.id);
  if (member !== undefined) member.stuck = behaviour === 'lags';
  if (behaviour === 'never-joins') return;
  daemon.joined = true;
  host.ranLast = daemon.release;
  host.ran.add(daemon.side.name);
  compose(world, daemon);
  if (behaviour === 'healthy-then-crashes' || behaviour === 'healthy-then-ill') {
    world.sched.after(proc, daemon.build.failsAfterMs, () => {
      if (behaviour === 'healthy-then-crashes') endProc(proc);
      else daemon.ill = 'the build says that it is ill';
      noteHealth(world, daemon);
    });
  }
  beat(world, daemon);
}

function compose(world: World, daemon: Daemon): void {
  const { host, proc, store, journal } = daemon;
  if (host.role === 'worker') {
    void daemon.look.run(daemon.ending.signal, async () => undefined);
    return;
  }
  const clock = clockOf(world, host, proc);
  const logger = loggerOf(world, host.id);
  const leadership = createLeadership({
    store,
    clock,
    logger: { ...logger, info: () => undefined },
    nodeId: host.id,
    lease: () => (daemon.lease?.alive() === true ? daemon.lease : null),
    onLease: (listener) => {
      daemon.leaseListeners.add(listener);
      return () => daemon.leaseListeners.delete(listener);
    },
    mayCampaign: () => !daemon.draining && !daemon.stopping && reasonsOf(world, daemon).length === 0,
    raftLeader: async () => world.group.leader,
    pollMs: 2_500,
  });
  const raft = raftOf(world, proc, leadership);
  const clientPool = clientPoolOf(world, proc);
  const membership = membershipOf(world, store);
  const { heartbeatMs } = world;
  const updater = new RollingUpdater({
    membership,
    raft,
    clientPool,
    logger,
    selfNodeId: host.id,
    journal,
    releases: { inspect: async (hash) => inspect(world, daemon, hash) },
    clock,
    service: 'claudecluster',
    heartbeatMs,
    stragglers: world.seed % 2 === 0 ? 'update' : 'leave',
  });
  daemon.control = createControl({
    clusterId: 'c',
    selfNodeId: host.id,
    store,
    journal,
    membership,
    raft,
    clientPool,
    clock,
    updater,
    heartbeatMs,
    controlAt: () => {
      throw new ClusterError('not-leader', 'ask the leader');
    },
    describeRelease: async (hash) => world.builds.get(hash)?.version ?? null,
    approveMember: async () => undefined,
  });
  daemon.leadership = leadership;
  void daemon.look.run(daemon.ending.signal, leadership.stepDown);
  void watchDamaged({ membership, raft, clientPool, clock, logger, heartbeatMs }, daemon.ending.signal);
  daemon.updater = updater;
  leadership.start();
  leadership.onChange((view) => {
    if (view.isLeader) world.trace.line(`${host.id}: leads, epoch ${view.epoch}`);
    updater.wake();
  });
  // The loop of one that does not lead finds nothing to do when it is woken.
  void store.watch(keys.update, () => {
    if (leadership.isLeader()) updater.wake();
  });
  const own = { base: host.base, nodeId: host.id, release: daemon.release, heartbeatMs, store, clock, logger };
  void ownUpkeep({ ...own, healthy: () => reasonsOf(world, daemon).length === 0 }, daemon.ending.signal);
  void updater.lead(daemon.ending.signal);
}

async function inspect(world: World, daemon: Daemon, hash: string | undefined) {
  const wanted = hash ?? daemon.release;
  const wrong = damaged(daemon.host, wanted);
  const build = world.builds.get(wanted);
  if (wrong !== null || build === undefined) return { invalid: wrong ?? 'unknown', next: 'bring the release in again' };
  return { version: build.version, sizeBytes: 1_000 };
}

/** SIGTERM: drains, moves the Raft leader away, gives the leadership up, ends. */
export function stopGracefully(world: World, daemon: Daemon): void {
  const { host, proc } = daemon;
  const { sched, group, timing, store } = world;
  if (daemon.stopping) return;
  daemon.stopping = true;
  daemon.ending.abort();
  sched.after(proc, timing.int(5, 60), () => {
    if (group.leader === host.id) {
      const others = group.members.filter((one) => one.id !== host.id && group.serves(one.id));
      const best = others.sort((one, two) => group.lag(one.id) - group.lag(two.id))[0];
      if (best !== undefined) group.transfer(best.id);
    }
    void daemon.leadership?.resign();
    sched.after(proc, timing.int(10, 200), () => {
      if (daemon.lease !== null && store.available(host.id, true)) store.revoke(daemon.lease.id);
      endProc(proc);
    });
  });
}
