/** Puts one run together from its seed: the cluster, its faults, its operators, its checkers. */

import { keys } from '../../src/base/store-keys.ts';
import type { UpdateOptions } from '../../src/cluster/update/options.ts';
import { defaultOptions } from '../../src/cluster/update/options.ts';
import { createCheckers } from '../checkers/index.ts';
import { planFaults } from '../faults.ts';
import { forgetBuilds, makeBuild } from './builds.ts';
import { closeAll, type FsTarget } from './fs-shim.ts';
import { createGroup } from './group.ts';
import { startHands } from './hands.ts';
import { bootHost, createHost, furnish, powerCut } from './host.ts';
import { knownOld } from './known-old.ts';
import { createNetwork } from './network.ts';
import { startOperators } from './operator.ts';
import { createRandom, type Random } from './random.ts';
import { createScheduler, endProc, newProc, nobody } from './scheduler.ts';
import { createStore } from './store.ts';
import { createStory, type Story } from './story.ts';
import { forgetTexts } from './texts.ts';
import { createTrace } from './trace.ts';
import type { Host, Side, Violation, World } from './types.ts';

export interface RunResult {
  seed: number;
  hash: string;
  violation: Violation | null;
  events: number;
  virtualMs: number;
  outcomes: Record<string, number>;
  lines: string[];
}

/** Nothing lasts longer than this after the last fault: liveness has its own, tighter bound. */
const longestMs = 900_000;

/** `sides`: this version's, and in a mixed world those of before, the newest first. */
export function runSeed(seed: number, keepLines: boolean, sides: Side[]): RunResult {
  const story = createStory(sides, createRandom(seed).fork('versions'));
  const world = createWorld(seed, keepLines, story);
  const done = { value: false };
  installGlobals(world);
  furnishAll(world, story);
  for (const host of world.hosts) bootHost(world, host);
  planFaults(world);
  tick(world);
  startHands(world);
  startOperators(world, () => {
    done.value = true;
  });
  const events = world.sched.run(longestMs, () => done.value || world.violations.length > 0);
  if (world.violations.length === 0) {
    if (!done.value) world.violate('liveness', `not at rest after ${longestMs} ms`);
    world.checkers.atEnd();
  }
  const [violation = null] = world.violations;
  const known = violation === null || sides.length < 2 ? null : knownOld(world, violation);
  if (known !== null) world.stats.outcomes[`known: ${known}`] = 1;
  const changed = world.hosts.filter(({ ran }) => ran.size > 1).length;
  if (changed > 0) world.stats.outcomes['changed over'] = changed;
  return {
    seed,
    hash: world.trace.hash(),
    violation: known === null ? violation : null,
    events,
    virtualMs: world.sched.now(),
    outcomes: world.stats.outcomes,
    lines: world.trace.lines(),
  };
}

/** Checkers that watch the time look once a second. */
function tick(world: World): void {
  world.checkers.tick();
  world.sched.after(nobody, 1_000, () => tick(world));
}

function workersOf(random: Random): number {
  const fate = random.next();
  if (fate < 0.72) return 0;
  if (fate < 0.94) return random.int(1, 3);
  return fate < 0.99 ? random.int(4, 8) : random.int(9, 20);
}

function createWorld(seed: number, keepLines: boolean, story: Story): World {
  const random = createRandom(seed);
  const shape = random.fork('shape');
  const timing = random.fork('timing');
  let now = (): number => 0;
  const trace = createTrace(keepLines, () => now());
  const sched = createScheduler(trace);
  now = sched.now;
  const voters = Array.from({ length: shape.pick([3, 3, 3, 3, 5, 5, 7]) }, (_, at) => `n${at + 1}`);
  const workers = Array.from({ length: workersOf(shape) }, (_, at) => `w${at + 1}`);
  const hosts = [...voters.map((id) => createHost(id, 'voter')), ...workers.map((id) => createHost(id, 'worker'))];
  const net = createNetwork(sched, random.fork('net'));
  const rates = { writesPerS: shape.pick([20, 200, 800]), catchUpPerS: shape.pick([500, 2_000, 10_000]) };
  const group = createGroup(voters, rates, { sched, random: random.fork('raft'), net, trace });
  const store = createStore({ sched, group, net });
  group.onLeader = () => store.refreshLeases();
  const heartbeatMs = 500;
  const byId = new Map(hosts.map((host) => [host.id, host]));
  const sides = new Map<string, Side>();
  let lastPid = 100;
  /** What the operators ask for; the rest is as the leader's version has it. */
  const asked: Partial<UpdateOptions> = {
    healthTimeoutMs: 6_000,
    stabilizeTimeoutMs: 5_000,
    trialMs: 21_000,
    drainTimeoutMs: 2_000,
    gateTimeoutMs: 8_000,
    rollbackTimeoutMs: 40_000,
    stageTimeoutMs: 8_000,
    bootsMax: shape.int(1, 3),
    maxLagEntries: shape.pick([100, 1_000]),
    onFailure: shape.pick(['abort', 'revert']),
  };
  const world: World = {
    seed,
    trace,
    sched,
    random: random.fork('ids'),
    timing,
    hosts,
    voters,
    builds: new Map(),
    net,
    group,
    store,
    heartbeatMs,
    leaseMs: 3_000,
    asked,
    options: { ...defaultOptions, ...asked },
    checkers: null as never, // below: they look at the world
    violations: [],
    ownFault: '',
    lostUpdates: [],
    faultsEndMs: 0,
    stats: { events: 0, updates: 0, outcomes: {}, faults: 0 },
    violate(promise, text) {
      if (world.violations.length > 0) return;
      world.violations.push({ promise, text, atMs: sched.now() });
      trace.line(`VIOLATION ${promise}: ${text}`);
    },
    ask: () => undefined,
    sideOf(hash) {
      const found = sides.get(hash);
      if (found === undefined) throw new Error(`no version has a build ${hash}`);
      return found;
    },
    newBuild(behaviour, random, side = story.next()) {
      const build = makeBuild(world.builds.size + 1, behaviour, random, side.protocol);
      world.builds.set(build.hash, build);
      sides.set(build.hash, side);
      return build;
    },
    host(id) {
      const found = byId.get(id);
      if (found === undefined) throw new Error(`no host ${id}`);
      return found;
    },
    newProc(host, name) {
      lastPid += 1;
      const proc = newProc(name, host.id, lastPid);
      host.procs.set(proc.pid, proc);
      return proc;
    },
  };
  world.checkers = createCheckers(world);
  store.onPut = world.checkers.storePut;
  return world;
}

/** Every node runs the first release, and ran an older one before it; a straggler still does. */
function furnishAll(world: World, story: Story): void {
  forgetBuilds();
  const first = world.newBuild('good', world.random, story.first);
  const older = world.newBuild('good', world.random, story.older);
  const straggler = story.straggler ? world.random.pick(world.hosts) : null;
  for (const host of world.hosts) {
    furnish(world, host, { hash: first.hash, older: older.hash, behind: host === straggler });
  }
  const release = { buildHash: first.hash, previous: older.hash, history: [older.hash], at: '' };
  world.store.put(keys.release, JSON.stringify(release));
}

/** The disk, the processes and the clock that src/ sees instead of Node's. */
function installGlobals(world: World): void {
  const { sched } = world;
  const byId = new Map(world.hosts.map((host) => [host.id, host]));
  const hostNow = (): Host | undefined => byId.get(sched.actor().hostId);
  let ticks = 0n;
  const target: FsTarget = {
    diskOf(id) {
      const host = byId.get(id);
      if (host === undefined) throw new Error(`no disk of ${id}`);
      return host.disk;
    },
    nowMs: sched.now,
    proc: (path) => procFile(hostNow(), path),
    procNames: () => [...(hostNow()?.procs.keys() ?? [])].map(String),
    before(hostId, change, path) {
      const actor = sched.actor();
      if (actor.dead) throw new Error(`${actor.name} has ended`);
      const host = byId.get(hostId);
      if (host === undefined || host.crashIn === null || actor === nobody) return;
      if (host.crashIn.namesOnly && !(change === 'fsync' && (path === '/' || path === '/releases'))) return;
      host.crashIn.changes -= 1;
      if (host.crashIn.changes > 0) return;
      const { power } = host.crashIn;
      host.crashIn = null;
      world.trace.line(
        `${hostId}: ${power ? 'power cut' : `${actor.name} ends`} before ${change} ${path.slice(0, 24)}`,
      );
      if (power) powerCut(world, host);
      else endProc(actor);
      throw new Error(`${actor.name} has ended`);
    },
    afterChange(hostId, change, path) {
      const host = byId.get(hostId);
      if (host === undefined || sched.actor() === nobody) return;
      world.checkers.diskChanged(host, change, path);
    },
  };
  closeAll();
  forgetTexts();
  globalThis.simFs = target;
  globalThis.simPid = 1;
  globalThis.simHrtime = () => {
    ticks += 1n;
    return ticks;
  };
  globalThis.simStat = (pid) => {
    const proc = hostNow()?.procs.get(pid);
    return proc === undefined || proc.dead ? null : { state: 'S', group: pid, session: pid, startTime: String(pid) };
  };
  globalThis.simWait = () => 'timed-out';
  globalThis.simKill = (pid) => {
    const proc = hostNow()?.procs.get(pid);
    if (proc === undefined || proc.dead) throw Object.assign(new Error('ESRCH'), { code: 'ESRCH' });
    return true;
  };
}

const zeros = ' 0'.repeat(16);

function procFile(host: Host | undefined, path: string): string | null {
  if (host === undefined) return null;
  if (path === '/proc/sys/kernel/random/boot_id') return host.bootId;
  if (!path.endsWith('/stat')) return null;
  const pid = Number(path.slice('/proc/'.length, -'/stat'.length));
  const proc = host.procs.get(pid);
  if (proc === undefined || proc.dead) return null;
  return `${pid} (${proc.name}) S 1 ${pid}${zeros} ${pid} 0`;
}
