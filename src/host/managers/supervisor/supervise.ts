/**
 * The service manager where there is no systemd (`claudecluster supervise`): guard, daemon, again and again.
 * It decides nothing about a trial: the guard of the known-good release does, at every start and at every deadline (P3).
 * Its parts: supervise-child.ts (the process), supervise-guard.ts (the guard), supervisor-socket.ts (the control socket).
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readBootId } from '../../../base/boot.ts';
import { tryLock } from '../../../base/lock.ts';
import { nodePaths } from '../../../base/paths.ts';
import { ClusterError } from '../../../errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import { readTrial } from '../../../trial/trial-view.ts';
import {
  type Daemon,
  endGroup,
  endLeftOver,
  forgetDaemon,
  noteExit,
  rotateLog,
  startDaemon,
  stopDaemon,
} from './child.ts';
import { checkDueInMs, damageTold, guardRun, runsOther } from './guard-watch.ts';
import { type SupervisorReply, type SupervisorRequest, type SupervisorStatus, serveSupervisor } from './socket.ts';

/** Times in ms. */
export interface SupervisorOptions {
  /** Pause before a start after an exit nobody asked for: doubles from the first to the second. Defaults 100 and 5,000. */
  backoffMinMs: number;
  backoffMaxMs: number;
  /** A daemon up for this long starts the doubling anew. Default 10,000. */
  backoffResetMs: number;
  /** From SIGTERM to SIGKILL of the group; the daemon has 10 s. Default 12,000. */
  stopTimeoutMs: number;
  /** The same for a build that was rolled back. Default 2,000. */
  rollbackGraceMs: number;
  /** How often the disk is looked at. Default 1,000. */
  pollMs: number;
  /** How long a guard may take. Default 5,000. */
  guardTimeoutMs: number;
  /** Size at which daemon.log is put aside. Default 10 MiB. */
  logMaxBytes: number;
}

const defaults: SupervisorOptions = {
  backoffMinMs: 100,
  backoffMaxMs: 5000,
  backoffResetMs: 10_000,
  stopTimeoutMs: 12_000,
  rollbackGraceMs: 2000,
  pollMs: 1000,
  guardTimeoutMs: 5000,
  logMaxBytes: 10 * 1024 * 1024,
};

export interface SupervisorDeps {
  /** Handed to the daemon as --config. */
  configFile: string;
  base: string;
  clock: Clock;
  logger: Logger;
  /** Aborted by SIGTERM or SIGINT: stop the daemon and return. */
  signal: AbortSignal;
  options?: Partial<SupervisorOptions>;
  /** Turns a plain dist/ into a release, before the first start. A failure is logged, and the node runs as it is. */
  convert?: (base: string) => Promise<unknown>;
  /** Called when the control socket answers. */
  onReady?: () => void;
}

interface Order {
  kind: 'restart' | 'stop' | 'rolled-back';
  why: string;
}

/** Everything that one supervisor knows. */
interface State extends SupervisorDeps {
  settings: SupervisorOptions;
  bootId: string;
  order: Order | null;
  /** Aborted, and replaced, when there is an order or something to look at. */
  wake: AbortController;
  daemon: Daemon | null;
  phase: SupervisorStatus['state'];
  starts: number;
  backoffMs: number;
  lastGuard: string;
}

/**
 * Supervises the daemon of one base until `signal` aborts or `stop` is asked for, and leaves no process behind.
 * Throws ClusterError 'refused' when another supervisor holds the base (it says who), 'service-manager' when the
 * control socket cannot be made.
 */
export async function runSupervisor(deps: SupervisorDeps): Promise<void> {
  const base = resolve(deps.base);
  const unlock = holdBase(base);
  const settings = { ...defaults, ...deps.options };
  const state: State = {
    ...deps,
    base,
    settings,
    bootId: readBootId(),
    order: null,
    wake: new AbortController(),
    daemon: null,
    phase: 'starting',
    starts: 0,
    backoffMs: settings.backoffMinMs,
    lastGuard: '',
  };
  const stop = (): void => give(state, { kind: 'stop', why: 'signal' });
  deps.signal.addEventListener('abort', stop, { once: true });
  if (deps.signal.aborted) stop();
  try {
    const left = await endLeftOver(base, settings.stopTimeoutMs, deps.clock);
    if (left > 0) deps.logger.warn({ processes: left }, 'ended what a supervisor before this one left behind');
    await convert(state);
    const server = await serveSupervisor(base, (request) => handle(state, request));
    deps.onReady?.();
    try {
      while (!stopping(state)) await oneRun(state);
    } finally {
      await server.close();
    }
  } finally {
    deps.signal.removeEventListener('abort', stop);
    unlock();
  }
}

function holdBase(base: string): () => void {
  const path = join(nodePaths(base).run, 'supervisor.lock');
  mkdirSync(nodePaths(base).run, { recursive: true, mode: 0o700 });
  const lock = tryLock(path, 'supervise');
  if (lock.held) return lock.release;
  throw new ClusterError('refused', 'this base has a supervisor already', {
    seen: `process ${lock.by?.pid ?? '?'} supervises ${base}`,
    wanted: 'one supervisor per base',
    next: `stop it first: kill ${lock.by?.pid ?? 'PID'}`,
  });
}

async function convert(state: State): Promise<void> {
  try {
    await state.convert?.(state.base);
  } catch (error) {
    state.logger.warn({ seen: (error as Error).message }, 'dist/ stays a plain directory: this node cannot be updated');
  }
}

/** `order` changes while a run waits, which a direct comparison would be taken to rule out. */
function stopping(state: State): boolean {
  return state.order?.kind === 'stop';
}

/** The newest order counts, but for a stop: nothing takes that back. */
function give(state: State, order: Order): void {
  if (!stopping(state)) state.order = order;
  wakeUp(state);
}

function wakeUp(state: State): void {
  const { wake } = state;
  state.wake = new AbortController();
  wake.abort();
}

function handle(state: State, request: SupervisorRequest): SupervisorReply {
  switch (request.cmd) {
    case 'status':
      return { ok: true, status: statusOf(state) };
    case 'stop':
      give(state, { kind: 'stop', why: 'asked for' });
      return { ok: true };
    case 'restart':
      if (stopping(state)) return refuse('the supervisor is stopping');
      give(state, { kind: 'restart', why: request.why });
      return { ok: true };
    case 'arm':
      // Said only when it is true: from here on the deadlines of the trial on this disk are watched.
      if (readTrial(state.base) === null) return refuse('there is no trial on this disk to watch');
      wakeUp(state);
      return { ok: true };
    case 'disarm':
      wakeUp(state);
      return { ok: true };
  }
}

function refuse(message: string): SupervisorReply {
  return { ok: false, error: { code: 'service-manager', message } };
}

function statusOf(state: State): SupervisorStatus {
  const { base, phase, daemon, starts, lastGuard } = state;
  return {
    pid: process.pid,
    base,
    state: phase,
    daemonPid: daemon?.pid ?? null,
    release: daemon?.release ?? null,
    starts,
    lastGuard,
  };
}

// ---------------------------------------------------------------------------------------------- one run

/** Guard, start, wait for its end or an order, and clean up behind it. */
async function oneRun(state: State): Promise<void> {
  const { base, clock, logger, settings } = state;
  state.phase = 'starting';
  state.order = null;
  const { result, by } = await guardRun(base, 'start', settings.guardTimeoutMs, logger);
  state.lastGuard = [result.action, ...result.notes].join('; ');
  logger.info({ guard: by, action: result.action, release: result.release, notes: result.notes }, 'guard');
  // Asked for while the guard was looking: it may have seen the disk before the switch, so it looks again.
  if ((state.order as Order | null) !== null) return;
  if (result.run === null) {
    state.phase = 'stuck';
    logger.error({ notes: result.notes }, 'nothing can be run: stage a release into releases/');
    return pause(state);
  }
  const daemon = startDaemon({
    base,
    run: result.run,
    release: result.release,
    args: ['daemon', '--config', state.configFile],
    env: {
      ...process.env,
      CLAUDECLUSTER_SUPERVISOR_PID: String(process.pid),
      CLAUDECLUSTER_BASE: base,
      ...damageTold(result),
    },
    clock,
    logMaxBytes: settings.logMaxBytes,
  });
  state.daemon = daemon;
  state.starts += 1;
  state.phase = 'running';
  const exit = await untilEnd(state, daemon);
  noteExit(base, daemon, exit, clock);
  const left = await endGroup(daemon.identity, 500, clock);
  forgetDaemon(base);
  state.daemon = null;
  const order = state.order as Order | null;
  logger.info({ ...exit, release: daemon.release, left, why: order?.why ?? 'by itself' }, 'daemon ended');
  if (order !== null) {
    state.backoffMs = settings.backoffMinMs;
    return;
  }
  if (clock.nowMs() - daemon.startedAtMs >= settings.backoffResetMs) state.backoffMs = settings.backoffMinMs;
  await pause(state);
}

async function untilEnd(state: State, daemon: Daemon): Promise<{ exitCode: number | null; signal: string | null }> {
  const ended = new AbortController();
  const byItself = daemon.exited.then((exit) => {
    ended.abort();
    wakeUp(state);
    return exit;
  });
  await watch(state, daemon, ended.signal);
  if (ended.signal.aborted) return byItself;
  state.phase = 'stopping';
  const back = (state.order as Order | null)?.kind === 'rolled-back';
  return stopDaemon(daemon, back ? state.settings.rollbackGraceMs : state.settings.stopTimeoutMs, state.clock);
}

/** Sleeps, but not through an order. */
async function pause(state: State): Promise<void> {
  state.phase = state.phase === 'stuck' ? 'stuck' : 'waiting';
  const until = state.clock.nowMs() + state.backoffMs;
  state.backoffMs = Math.min(state.backoffMs * 2, state.settings.backoffMaxMs);
  while (state.order === null && state.clock.nowMs() < until) {
    await state.clock.sleep(until - state.clock.nowMs(), state.wake.signal);
  }
}

// ---------------------------------------------------------------------------------------------- watching

/** Returns when the daemon has ended or there is an order: one from outside, or one that the guard's check gave. */
async function watch(state: State, daemon: Daemon, ended: AbortSignal): Promise<void> {
  const { base, clock, settings } = state;
  let notBeforeMs = 0;
  let otherSeen = 0;
  while (!ended.aborted && state.order === null) {
    const dueInMs = checkDueInMs(base, clock, state.bootId);
    if (dueInMs !== null && dueInMs <= 0 && clock.nowMs() >= notBeforeMs) {
      await check(state, daemon);
      // A check that changed nothing is not repeated at once: it said why, and that needs somebody's hand.
      notBeforeMs = clock.nowMs() + 2 * settings.pollMs;
      continue;
    }
    // Twice in a row, so that a verb between its switch and its request is not taken for a mistake.
    otherSeen = runsOther(base, daemon.release) ? otherSeen + 1 : 0;
    if (otherSeen >= 2) give(state, { kind: 'restart', why: 'dist points to another release than the one that runs' });
    rotateLog(nodePaths(base).daemonLog, settings.logMaxBytes);
    const wait = dueInMs === null || dueInMs <= 0 ? settings.pollMs : Math.min(settings.pollMs, dueInMs + 1);
    if (state.order === null && !ended.aborted) await clock.sleep(wait, state.wake.signal);
  }
}

async function check(state: State, daemon: Daemon): Promise<void> {
  const { result, restart, by } = await guardRun(state.base, 'check', state.settings.guardTimeoutMs, state.logger);
  state.lastGuard = [result.action, ...result.notes].join('; ');
  if (result.action !== 'nothing')
    state.logger.warn({ guard: by, action: result.action, notes: result.notes }, 'guard check');
  // On a disk that takes no changes every check says so; what it wants to run may be running already.
  if (!restart || result.run === daemon.run || result.run === null) return;
  give(state, { kind: 'rolled-back', why: result.notes.join('; ') });
}
