/** While a daemon runs: deadlines, the installed release, the base itself, and who is to supervise. */
import { nodePaths } from '../../../base/paths.ts';
import { guardLimitMs } from '../../../trial/guard-process.ts';
import { type Daemon, rotateLog } from './child.ts';
import { checkDueInMs, guardRun, runsOther } from './guard-watch.ts';
import { beat, give, type State } from './state.ts';

const readMatter = 'the trial of this base cannot be read: its guard is asked instead';

/** Three guards at most: each one's release is hashed, then it has its own time. A lock or a disk may be slow beside, ms. */
export function guardTakesMs({ base, settings }: State): number {
  return 6 * guardLimitMs(base, settings.guardTimeoutMs) + 20_000;
}

/** Returns when the daemon has ended or there is an order: one from outside, or one that is given here. */
export async function watch(state: State, daemon: Daemon, ended: AbortSignal): Promise<void> {
  const { clock, settings } = state;
  const turn = createTurn(state, daemon);
  while (!ended.aborted && state.order === null) {
    const waitMs = await turn();
    beat(state, settings.pollMs);
    if (state.order === null && !ended.aborted) await clock.sleep(waitMs, state.wake.signal);
  }
}

/** One turn of the watch; returns how long the next one may wait, ms. Throws nothing that a disk can give. */
function createTurn(state: State, daemon: Daemon): () => Promise<number> {
  const { base, clock, settings } = state;
  let notBeforeMs = 0;
  let otherSeen = 0;
  return async () => {
    if (!baseIsThere(state)) return settings.pollMs;
    await state.presence.ensure();
    const dueInMs = dueIn(state);
    if (dueInMs !== null && dueInMs <= 0 && clock.nowMs() >= notBeforeMs) {
      await check(state, daemon);
      // A check that changed nothing is not repeated at once: it said why, and that needs somebody's hand.
      notBeforeMs = clock.nowMs() + 2 * settings.pollMs;
      return 0;
    }
    // Twice in a row, so that a verb between its switch and its request is not taken for a mistake.
    otherSeen = runsOther(base, daemon.release) ? otherSeen + 1 : 0;
    if (otherSeen >= 2) give(state, { kind: 'restart', why: 'dist points to another release than the one that runs' });
    rotateLog(nodePaths(base).daemonLog, settings.logMaxBytes);
    state.lookForSuccessor();
    return dueInMs === null || dueInMs <= 0 ? settings.pollMs : Math.min(settings.pollMs, dueInMs + 1);
  };
}

/**
 * May anything be concluded from what is on this disk? A base that is missing says nothing, and nothing is made in its
 * place; one that is gone ends the supervision, daemon and all.
 */
export function baseIsThere(state: State): boolean {
  const seen = state.baseLook.look();
  const matter = 'the base directory is missing';
  if (seen === 'gone' && state.gone === '') {
    state.gone = state.baseLook.why();
    give(state, { kind: 'stop', why: `the base directory is gone: ${state.gone}` });
  }
  if (seen === 'missing') state.complaints.say(matter, state.baseLook.why());
  if (seen === 'there') state.complaints.over(matter);
  // One that cannot be read may have a trial whose time is over: whoever can read some of it decides.
  return seen === 'there' || seen === 'unreadable';
}

/** When the guard must look. What cannot be read is no reason to wait: the guard judges what it can read (P3). */
function dueIn(state: State): number | null {
  try {
    const dueInMs = checkDueInMs(state.base, state.clock, state.bootId);
    state.complaints.over(readMatter);
    return dueInMs;
  } catch (error) {
    state.complaints.say(readMatter, error);
    return 0;
  }
}

async function check(state: State, daemon: Daemon): Promise<void> {
  beat(state, guardTakesMs(state));
  const { result, restart, by } = await guardRun(state.base, 'check', state.settings.guardTimeoutMs, state.logger);
  state.lastGuard = [result.action, ...result.notes].join('; ');
  if (result.action !== 'nothing')
    state.logger.warn({ guard: by, action: result.action, notes: result.notes }, 'guard check');
  // On a disk that takes no changes every check says so; what it wants to run may be running already.
  if (!restart || result.run === daemon.run || result.run === null) return;
  give(state, { kind: 'rolled-back', why: result.notes.join('; ') });
}
