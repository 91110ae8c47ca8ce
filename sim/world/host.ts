/** A host: its disk, its boots, and the supervisor that runs guard and daemon on it. */

import type { NodeRole } from '../../src/ports/membership.ts';
import type { GuardResult } from '../../src/trial/guard-result.ts';
import { readLastRollback } from '../../src/trial/trial-view.ts';
import { createSimDisk } from './disk.ts';
import * as fs from './fs-shim.ts';
import { clockOf } from './ports.ts';
import { damaged, install, linkedBy } from './releases.ts';
import { endProc, newProc } from './scheduler.ts';
import type { Daemon, Host, Side, World } from './types.ts';

/** As src/host/managers/supervisor/supervise.ts has it, ms. */
const pollMs = 1_000;
const backoffMinMs = 100;
const backoffMaxMs = 5_000;

export function createHost(id: string, role: NodeRole): Host {
  return {
    id,
    role,
    address: `${id}:7000`,
    base: `/${id}`,
    disk: createSimDisk(),
    up: false,
    bootId: '',
    bootedAtMs: 0,
    wallOffsetMs: 0,
    supervisor: newProc(`${id}/none`, id, 1),
    code: '',
    acted: { verb: null, guard: null, needlessRestart: null },
    ran: new Set(),
    furnished: [],
    ranLast: '',
    daemon: null,
    procs: new Map(),
    order: null,
    wakeSupervisor: () => undefined,
    backoffMs: backoffMinMs,
    otherSeen: 0,
    crashIn: null,
    rotten: new Map(),
    lookDue: false,
    onLooked: () => undefined,
    fall: null,
    fellTo: null,
  };
}

/** What every host starts with: a release, committed, and the one before it. `behind`: it still runs that one. */
export function furnish(
  world: World,
  host: Host,
  { hash, older, behind }: { hash: string; older: string; behind: boolean },
): void {
  for (const dir of ['data', 'run', 'log', 'releases']) fs.mkdirSync(`${host.base}/${dir}`);
  install(host, older);
  install(host, hash);
  const began = behind ? older : hash;
  const furnished = behind ? [older] : [older, hash];
  for (const one of furnished) world.sideOf(one).noteCommitted(host.base, one, '');
  Object.assign(host, { furnished, ranLast: began, code: began });
  fs.symlinkSync(`releases/${began}`, `${host.base}/dist`);
  host.disk.syncAll();
}

export function bootHost(world: World, host: Host): void {
  host.up = true;
  host.bootId = world.random.hex(8);
  host.bootedAtMs = world.sched.now();
  host.procs.clear();
  world.trace.line(`${host.id}: boots`);
  world.checkers.booted(host);
  startSupervisor(world, host, world.timing.int(5, 50));
}

/** One that ends is started again by the host's init; it ends what it finds running first. */
function startSupervisor(world: World, host: Host, inMs: number): void {
  const supervisor = world.newProc(host, `${host.id}/supervisor`);
  host.supervisor = supervisor;
  // As it is started: by what `dist.bak` leads to where a trial has begun.
  host.code = linkedBy(host, 'dist.bak') ?? linkedBy(host, 'dist') ?? host.code;
  host.order = null;
  host.wakeSupervisor = () => {
    if (host.daemon !== null && host.order !== null) stop(world, host, host.daemon, false);
  };
  supervisor.onEnd = () => {
    if (host.up) startSupervisor(world, host, 300);
  };
  world.sched.after(supervisor, inMs, () => {
    if (host.daemon !== null) {
      world.checkers.faultHit(host.id);
      endProc(host.daemon.proc);
    }
    host.daemon = null;
    run(world, host);
  });
}

/** Power cut: every process ends, and what was not synced may be gone. */
export function powerCut(world: World, host: Host): void {
  if (!host.up) return;
  world.trace.line(`${host.id}: power cut`);
  host.up = false;
  world.checkers.faultHit(host.id);
  endProc(host.supervisor);
  for (const proc of [...host.procs.values()]) endProc(proc);
  host.daemon = null;
  host.disk.powerCut(world.random);
}

// ---------------------------------------------------------------------------------------------- supervisor

/** Whose guard is asked: that of the release that the supervisor trusts, else the supervisor's own copy. */
function guardSide(world: World, host: Host): Side {
  const own = world.sideOf(host.code);
  if (!globalThis.simMixed) return own;
  const hash = own.guardOf(host);
  host.acted.guard = hash === null ? own : world.sideOf(hash);
  return host.acted.guard;
}

function guard(world: World, host: Host, reason: 'start' | 'tick'): GuardResult | null {
  const proc = world.newProc(host, `${host.id}/guard`);
  const clock = clockOf(world, host, proc);
  const before = linkedBy(host, 'dist');
  const result = world.sched.as(proc, () => {
    try {
      const { runGuard } = guardSide(world, host);
      return runGuard({ base: host.base, reason, bootId: host.bootId, nowMs: clock.nowMs(), wallIso: clock.wallIso() });
    } catch {
      return null;
    }
  });
  const died = proc.dead;
  proc.dead = true;
  const after = linkedBy(host, 'dist');
  // Its words are lost with it, and what it did is not.
  if (died && before !== null && after !== before && damaged(host, before) !== null) host.fellTo = after;
  if (died || result === null) return null;
  if (result.notes.some((note) => note.includes('takes its place'))) host.fellTo = result.release;
  if (result.action !== 'start' && result.action !== 'nothing') {
    world.trace.line(`${host.id}: guard ${result.action}: ${result.notes.join('; ')}`);
  }
  const back = result.rolledBack;
  if (back?.cause === 'probation' || back?.cause === 'damaged') {
    host.fall = { release: back.release, by: host.acted.guard };
  }
  noteFall(host, result);
  return result;
}

/** Whichever run of the guard it was that found the known-good release damaged, a verb's too, whose words are the evidence. */
function noteFall(host: Host, result: GuardResult): void {
  const last = readLastRollback(host.base);
  if (result.notes.some((note) => note.includes('takes its place'))) host.fellTo = result.release;
  else if (last?.why.includes('takes its place') && last.knownGood === result.release) host.fellTo = result.release;
}

/** Guard, then daemon; the daemon's end leads back here. */
function run(world: World, host: Host): void {
  const { supervisor } = host;
  if (host.daemon !== null) return;
  host.order = null;
  const result = guard(world, host, 'start');
  if (supervisor.dead) return;
  if (result === null || result.release === null) {
    world.trace.line(`${host.id}: nothing can be run`);
    pause(world, host);
    return;
  }
  const build = world.builds.get(result.release);
  if (build === undefined) throw new Error(`${host.id} is to run ${result.release}, which nobody made`);
  const told = result.damaged?.why ?? null;
  const daemon = world.sideOf(build.hash).startDaemon(world, host, { build, told }, (ended) => {
    if (host.daemon === ended) host.daemon = null;
    if (supervisor.dead) return;
    world.sched.after(supervisor, world.timing.int(1, 10), () => daemonEnded(world, host, ended));
  });
  watch(world, host, daemon, 0);
}

function daemonEnded(world: World, host: Host, ended: Daemon): void {
  world.trace.line(`${host.id}: daemon ${ended.incarnation.slice(0, 6)} ended`);
  noteExit(host, ended);
  if (host.order !== null) {
    host.backoffMs = backoffMinMs;
    run(world, host);
    return;
  }
  if (world.sched.now() - ended.startedAtMs >= 10_000) host.backoffMs = backoffMinMs;
  pause(world, host);
}

function noteExit(host: Host, ended: Daemon): void {
  const exit = { release: ended.release, exitCode: ended.stopping ? 0 : 1, signal: null, at: '' };
  try {
    const fd = fs.openSync(`${host.base}/run/last-exit.json`, 'w');
    globalThis.simWriteText(fd, JSON.stringify(exit));
    fs.closeSync(fd);
  } catch {
    // Evidence only.
  }
}

function pause(world: World, host: Host): void {
  const { supervisor } = host;
  const dueInMs = world.sideOf(host.code).checkDueInMs(host.base, clockOf(world, host, supervisor), host.bootId) ?? 0;
  // Not through a deadline, as src/host/managers/supervisor/run.ts does.
  const waitMs = dueInMs > 0 ? Math.min(host.backoffMs, Math.ceil(dueInMs)) : host.backoffMs;
  world.sched.after(supervisor, waitMs, () => run(world, host));
  host.backoffMs = Math.min(host.backoffMs * 2, backoffMaxMs);
}

/** Looks at orders often and at the trial's deadlines when they are due, as src/host/managers/supervisor/supervise.ts does. */
function watch(world: World, host: Host, daemon: Daemon, notBeforeMs: number): void {
  const { supervisor } = host;
  const { sched } = world;
  if (daemon.proc.dead || host.daemon !== daemon) return;
  const clock = clockOf(world, host, supervisor);
  if (host.order !== null) {
    stop(world, host, daemon, false);
    return;
  }
  let next = notBeforeMs;
  if (nothingToWatch(host, daemon)) {
    host.otherSeen = 0;
    if (world.sideOf(host.code).takesOver) host.code = daemon.release;
    return void sched.after(supervisor, pollMs, () => watch(world, host, daemon, notBeforeMs));
  }
  const { checkDueInMs, runsOther } = world.sideOf(host.code);
  const dueInMs = checkDueInMs(host.base, clock, host.bootId);
  if (dueInMs !== null && dueInMs <= 0 && sched.now() >= notBeforeMs) {
    const result = guard(world, host, 'tick');
    if (supervisor.dead) return;
    const back = result !== null && (result.action === 'rolled-back' || result.action === 'disk-refused');
    if (back && result.release !== null && result.release !== daemon.release) {
      stop(world, host, daemon, true);
      return;
    }
    next = sched.now() + 2 * pollMs;
  }
  host.otherSeen = runsOther(host.base, daemon.release) ? host.otherSeen + 1 : 0;
  if (host.otherSeen >= 2) {
    stop(world, host, daemon, false);
    return;
  }
  const waitMs = dueInMs === null || dueInMs <= 0 ? pollMs : Math.min(pollMs, Math.ceil(dueInMs) + 1);
  sched.after(supervisor, waitMs, () => watch(world, host, daemon, next));
}

/** Without a trial, its remains, or another release behind dist the real checks have nothing to say. */
function nothingToWatch(host: Host, daemon: Daemon): boolean {
  const { entries } = host.disk.root;
  const dist = entries.get('dist');
  const same = dist?.kind === 'link' && dist.target === `releases/${daemon.release}`;
  return same && !entries.has('trial.json') && !entries.has('trial.ending.json') && !entries.has('dist.bak');
}

/** SIGTERM, and SIGKILL to one that does not end. */
function stop(world: World, host: Host, daemon: Daemon, hard: boolean): void {
  host.order = 'restart';
  host.otherSeen = 0;
  world.trace.line(`${host.id}: supervisor stops ${daemon.incarnation.slice(0, 6)}`);
  daemon.side.stopGracefully(world, daemon);
  world.sched.after(host.supervisor, hard ? 2_000 : 12_000, () => endProc(daemon.proc));
}
