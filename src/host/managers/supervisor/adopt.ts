/** A daemon that another process started: watched by who it is, for its end comes to its parent alone. */
import { asIdentity, isSameProcess } from '../../../base/boot.ts';
import { readTextOrNull } from '../../../base/files.ts';
import type { Clock } from '../../../ports/clock.ts';
import { type Daemon, daemonFile, type Exit } from './child.ts';
import type { DaemonNote } from './handover.ts';

/** Between two looks at it, ms: its end is answered by a start, which waits at least 100 ms itself. */
const lookMs = 200;
/** For the word of its parent on how it ended, ms, and between two looks for that. */
const wordMs = 1000;
const wordLookMs = 20;

/**
 * The daemon of this note as if we had started it. How it ends is known if `told` says it within a second of its end,
 * and otherwise unknown: exitCode and signal are null, as everywhere for an end that nobody saw.
 */
export function adoptDaemon(note: DaemonNote, clock: Clock, told: ((pid: number) => Exit | null) | null): Daemon {
  const { pid, startTime, bootId, release, run, startedAtMs } = note;
  const identity = { pid, startTime, bootId };
  const given = new AbortController();
  const exited = untilGone();
  async function untilGone(): Promise<Exit> {
    while (isSameProcess(identity)) {
      if (given.signal.aborted) return new Promise(() => {});
      await clock.sleep(lookMs, given.signal);
    }
    const until = clock.nowMs() + wordMs;
    while (told !== null && told(pid) === null && clock.nowMs() < until) await clock.sleep(wordLookMs);
    return told?.(pid) ?? { exitCode: null, signal: null };
  }
  return { pid, identity, run, release, startedAtMs, exited, adopted: true, letGo: () => given.abort() };
}

/** Which daemon runs, as the supervisor that started it noted on the disk; null: not known. */
function noteOnDisk(base: string, clock: Clock): DaemonNote | null {
  try {
    const value: unknown = JSON.parse(readTextOrNull(daemonFile(base)) ?? 'null');
    const identity = asIdentity(value);
    if (identity === null) return null;
    const { release, run, startedAtMs } = value as Record<string, unknown>;
    return {
      ...identity,
      release: typeof release === 'string' ? release : null,
      run: typeof run === 'string' ? run : '',
      startedAtMs: typeof startedAtMs === 'number' ? startedAtMs : clock.nowMs(),
    };
  } catch {
    return null;
  }
}

/**
 * The daemon to go on with after a supervisor that ended or hangs: the one on the disk, if that lives, for it may have
 * been started after the last word; else the one of that word, dead or alive.
 */
export function daemonLeftBy(base: string, word: DaemonNote | null, clock: Clock): DaemonNote | null {
  const noted = noteOnDisk(base, clock);
  return noted !== null && isSameProcess(noted) ? noted : word;
}
