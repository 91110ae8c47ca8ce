/**
 * A supervisor outlives many releases, so its code would be the oldest on its node. When another release is committed,
 * past its probation, and its daemon is healthy, that release's own supervisor takes over, and the daemon runs on.
 * Whoever was started from outside stays as its parent: it waits, passes a stop on, and takes the base back from a
 * successor that ends, hangs, or gives it back (docs/adr/0018). So a node is never without a supervisor (P3).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from '../../../base/boot.ts';
import { nodePaths } from '../../../base/paths.ts';
import { adoptDaemon, daemonLeftBy } from './adopt.ts';
import { give, noteOf, type State, stopping, wakeUp } from './state.ts';
import { type Successor, startSuccessor } from './successor.ts';
import { successorDue } from './successor-due.ts';

export interface Succession {
  /** One look, at every turn: prepares a successor when one is due, and orders the hand-over when it is ready. */
  look(): void;
  /**
   * Hands the base over, and stays until the successor ends. 'stopped': it was told to stop, and nothing is left to do.
   * 'back': this process supervises again, and has the daemon.
   */
  handOver(): Promise<'stopped' | 'back'>;
}

/** So many looks in a row, so that what is under way is not taken for what is. */
const looksMin = 2;

type Preparing =
  | { at: 'none' }
  | { at: 'verifying'; release: string }
  | { at: 'starting'; heir: Successor; sinceMs: number };

export function createSuccession(state: State): Succession {
  const { base, clock, logger, settings } = state;
  /** Releases whose supervisor failed here: this process does not try them again. */
  const refused = new Map<string, string>();
  let preparing: Preparing = { at: 'none' };
  let seen = { release: '', looks: 0 };

  const refuse = (release: string, why: string): void => {
    refused.set(release, why);
    logger.error({ release, seen: why }, 'the supervisor of this release cannot take over: the one before it stays');
  };
  const prepare = async (release: string): Promise<void> => {
    preparing = { at: 'verifying', release };
    try {
      await state.verify?.(base, release);
      if (stopping(state)) return;
      const args = successorArgs(state, release);
      const start = { release, args, cwd: base, daemon: noteOf(state.daemon), starts: state.starts };
      const heir = startSuccessor({ ...start, onNews: () => wakeUp(state) });
      preparing = { at: 'starting', heir, sinceMs: clock.nowMs() };
      logger.info({ release, pid: heir.pid }, 'starting the supervisor of the release that is installed now');
    } catch (thrown) {
      preparing = { at: 'none' };
      refuse(release, thrown instanceof Error ? thrown.message : String(thrown));
    }
  };
  const giveUp = (heir: Successor, why: string): void => {
    preparing = { at: 'none' };
    if (why !== '') refuse(heir.release, why);
    void heir.kill();
  };
  const lookAtHeir = (heir: Successor, sinceMs: number, due: string | null): void => {
    if (heir.ended() !== '') giveUp(heir, `it ended before it was ready: ${heir.ended()}`);
    else if (due !== heir.release) giveUp(heir, '');
    else if (heir.ready())
      give(state, { kind: 'hand-over', why: `the supervisor of releases/${heir.release} is ready` });
    else if (clock.nowMs() - sinceMs > settings.readyMs) giveUp(heir, `not ready within ${settings.readyMs} ms`);
  };

  return {
    look() {
      const due = successorDue(base, state.ownRelease, state.daemon?.release ?? null, state.bootId);
      if (preparing.at === 'starting') return lookAtHeir(preparing.heir, preparing.sinceMs, due);
      if (preparing.at === 'verifying') return;
      seen = { release: due ?? '', looks: seen.release === due ? seen.looks + 1 : 1 };
      if (due === null || seen.looks < looksMin) return;
      // Only who stays as the parent starts another one: a successor gives the base back, and that one looks further.
      if (state.predecessor?.connected()) give(state, { kind: 'hand-over', why: `releases/${due} is installed` });
      else if (!refused.has(due)) void prepare(due);
    },
    async handOver() {
      if (!stopping(state)) state.order = null;
      if (preparing.at !== 'starting') return 'back';
      const { heir } = preparing;
      preparing = { at: 'none' };
      seen = { release: '', looks: 0 };
      const failed = await transfer(state, heir);
      if (failed !== '') refuse(heir.release, failed);
      else {
        const end = await keep(state, heir);
        if (end === 'stopped') return 'stopped';
        if (end !== '') refuse(heir.release, end);
      }
      await takeBack(state, heir);
      return 'back';
    },
  };
}

function successorArgs(state: State, release: string): string[] {
  const dir = join(nodePaths(state.base).releases, release);
  const args = state.successorArgs?.(dir);
  return args ?? [join(dir, 'index.js'), 'supervise', '--config', state.configFile, '--take-over'];
}

/** '' when it has taken over; otherwise why not, and it is gone. Requests that come meanwhile wait for the outcome. */
async function transfer(state: State, heir: Successor): Promise<string> {
  const { clock, settings, logger } = state;
  let settle: (over: boolean) => void = () => {};
  state.handing = new Promise((done) => {
    settle = done;
  });
  heir.send({ t: 'go', daemon: noteOf(state.daemon), starts: state.starts });
  const until = clock.nowMs() + settings.takeOverMs;
  while (heir.beats() === 0 && heir.ended() === '' && clock.nowMs() < until) {
    await clock.sleep(Math.max(1, until - clock.nowMs()), state.wake.signal);
  }
  const failed = heir.beats() > 0 ? '' : heir.ended() || `it did not take over within ${settings.takeOverMs} ms`;
  if (failed !== '') await heir.kill();
  else {
    logger.info({ release: heir.release, pid: heir.pid, daemon: state.daemon?.pid }, 'handed over; this process stays');
    const { child } = state;
    void child?.exited.then((exit) => heir.send({ t: 'exit', pid: child.pid, ...exit }));
    state.daemon?.letGo();
  }
  settle(failed === '');
  state.handing = null;
  // Whoever is still being answered is answered; their end is not waited for.
  if (failed === '') void state.presence.leave();
  return failed;
}

/**
 * Waits beside a successor. 'stopped': its work is over. '': it gives the base back. Otherwise why it is gone. Its
 * silence is counted in our own looks, so that a host that stood still is not taken for a successor that hangs.
 */
async function keep(state: State, heir: Successor): Promise<string> {
  const { clock, settings, logger } = state;
  let silentMs = 0;
  let beats = heir.beats();
  let told = false;
  while (heir.ended() === '' && !heir.wantsBack()) {
    if (stopping(state) && !told) {
      told = true;
      heir.stop();
    }
    await clock.sleep(settings.pollMs, state.wake.signal);
    // Seen while another one supervises, so that it is known at once when that one ends for the same reason.
    state.baseLook.look();
    silentMs = heir.beats() === beats ? silentMs + settings.pollMs : 0;
    beats = heir.beats();
    if (silentMs > heir.withinMs()) {
      logger.error({ pid: heir.pid, silentMs }, 'the supervisor that took over hangs: ending it');
      await heir.kill();
      return `it hung: silent for ${silentMs} ms`;
    }
  }
  if (heir.wantsBack()) return '';
  if (heir.stopped()) return 'stopped';
  return `it ended: ${heir.ended()}`;
}

/** Lock, socket and daemon again, whatever the successor made of them. */
async function takeBack(state: State, heir: Successor): Promise<void> {
  const { base, clock, logger } = state;
  const note = daemonLeftBy(base, heir.daemon(), clock);
  const child = state.child;
  const isChild = child !== null && note?.pid === child.pid && note.startTime === child.identity.startTime;
  state.daemon = isChild ? child : note === null ? null : adoptDaemon(note, clock, null);
  state.starts = Math.max(state.starts, heir.starts());
  if (!stopping(state)) state.order = null;
  // A base that is gone is not made anew by the lock that would stand in it.
  if (existsSync(base)) await state.presence.inherit(heir.identity ?? { pid: 0, startTime: '', bootId: '' });
  heir.send({ t: 'have' });
  logger.warn({ daemon: state.daemon?.pid ?? null, own: identify(process.pid)?.pid }, 'this process supervises again');
}
