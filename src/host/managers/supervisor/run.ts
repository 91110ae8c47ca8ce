/** One run of the daemon: guard, start, wait for its end or an order, and clean up behind it. */
import { quietly } from '../../../base/files.ts';
import { type Daemon, type Exit, endGroup, forgetDaemon, noteExit, startDaemon, stopDaemon } from './child.ts';
import { checkDueInMs, damageTold, guardRun } from './guard-watch.ts';
import { beat, give, orderOf, type State, stopping, wakeUp } from './state.ts';
import { baseIsThere, guardTakesMs, watch } from './watch.ts';

/** From the start of a daemon, or with the one that runs already, to its end or to a hand-over. */
export async function oneRun(state: State): Promise<void> {
  const daemon = state.daemon ?? (await begin(state));
  if (daemon === null) return;
  state.phase = 'running';
  const exit = await untilEnd(state, daemon);
  if (exit !== null) await cleanUp(state, daemon, exit);
}

/** Asks the guard what to run, and starts it. null: nothing was started. */
async function begin(state: State): Promise<Daemon | null> {
  const { base, clock, logger, settings } = state;
  state.phase = 'starting';
  state.order = null;
  if (!baseIsThere(state)) {
    await pause(state);
    return null;
  }
  await state.presence.ensure();
  beat(state, guardTakesMs(state));
  const { result, by } = await guardRun(base, 'start', settings.guardTimeoutMs, logger);
  state.lastGuard = [result.action, ...result.notes].join('; ');
  logger.info({ guard: by, action: result.action, release: result.release, notes: result.notes }, 'guard');
  // Asked for while the guard was looking: it may have seen the disk before the switch, so it looks again.
  if (orderOf(state) !== null) return null;
  if (result.run === null) {
    state.phase = 'stuck';
    logger.error({ notes: result.notes }, 'nothing can be run: stage a release into releases/');
    await pause(state);
    return null;
  }
  const daemon = startDaemon({
    base,
    run: result.run,
    release: result.release,
    args: ['daemon', '--config', state.configFile],
    // The number is that of who started it, and not of a successor: that there is one is what the daemon reads in it.
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
  state.child = daemon;
  state.starts += 1;
  beat(state, settings.pollMs);
  return daemon;
}

/** How it ended; null: it runs on, for somebody else. */
async function untilEnd(state: State, daemon: Daemon): Promise<Exit | null> {
  const ended = new AbortController();
  const byItself = daemon.exited.then((exit) => {
    ended.abort();
    wakeUp(state);
    return exit;
  });
  await watch(state, daemon, ended.signal);
  if (ended.signal.aborted) return byItself;
  if (orderOf(state)?.kind === 'hand-over') return null;
  state.phase = 'stopping';
  const back = orderOf(state)?.kind === 'rolled-back';
  const graceMs = back ? state.settings.rollbackGraceMs : state.settings.stopTimeoutMs;
  beat(state, graceMs);
  return stopDaemon(daemon, graceMs, state.clock);
}

async function cleanUp(state: State, daemon: Daemon, exit: Exit): Promise<void> {
  const { base, clock, logger, settings } = state;
  noteExit(base, daemon, exit, clock);
  const left = await endGroup(daemon.identity, 500, clock);
  forgetDaemon(base);
  state.daemon = null;
  const order = orderOf(state);
  logger.info({ ...exit, release: daemon.release, left, why: order?.why ?? 'by itself' }, 'daemon ended');
  if (order !== null) {
    state.backoffMs = settings.backoffMinMs;
    return;
  }
  if (clock.nowMs() - daemon.startedAtMs >= settings.backoffResetMs) state.backoffMs = settings.backoffMinMs;
  await pause(state);
}

/** Sleeps, but not through an order, nor through a deadline of the trial that a build which does not stay up is on (P3). */
async function pause(state: State): Promise<void> {
  state.phase = state.phase === 'stuck' ? 'stuck' : 'waiting';
  beat(state, state.backoffMs);
  const until = state.clock.nowMs() + Math.min(state.backoffMs, deadlineInMs(state));
  state.backoffMs = Math.min(state.backoffMs * 2, state.settings.backoffMaxMs);
  while (state.order === null && state.clock.nowMs() < until) {
    await state.clock.sleep(until - state.clock.nowMs(), state.wake.signal);
  }
}

/** What is due already waits as long as ever: it could not be done at the start just before. */
function deadlineInMs({ base, clock, bootId }: State): number {
  let dueInMs = 0;
  quietly(() => {
    dueInMs = checkDueInMs(base, clock, bootId) ?? 0;
  });
  return dueInMs > 0 ? Math.ceil(dueInMs) : Number.POSITIVE_INFINITY;
}

/** What no code here foresaw: it is said, and the supervision goes on with the daemon that runs (P3). */
export async function afterFault(state: State, thrown: unknown): Promise<void> {
  const stack = thrown instanceof Error ? thrown.stack : String(thrown);
  state.logger.error({ stack }, 'the supervisor met what it did not expect, and goes on');
  if (!stopping(state)) state.order = null;
  await state.clock.sleep(state.settings.pollMs);
}

/** Has the daemon stopped, if one runs. */
export async function stopRun(state: State, why: string): Promise<void> {
  give(state, { kind: 'stop', why });
  if (state.daemon !== null) await oneRun(state);
}
