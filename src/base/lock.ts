/**
 * A lock between processes of one host: a file that names its holder by pid and start time. A holder that is gone
 * holds nothing (kured #137: a lock must not outlive its holder). Synchronous, for the guard takes it too.
 */
import { readFileSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { asIdentity, identify, isSameProcess, type ProcessIdentity } from './boot.ts';
import { createDisk, type Disk, errno, quietly, tmpName } from './files.ts';

export interface LockHolder extends ProcessIdentity {
  /** What it does, for whoever has to wait. */
  what: string;
}

/** `release` is false when the disk did not take the change: as long as we live nobody else gets the lock then (`letGo`). */
export type LockAttempt = { held: true; release(): boolean } | { held: false; by: LockHolder | null };

/** The living holder of a lock, or null. */
export function lockHolder(path: string): LockHolder | null {
  const holder = readHolder(path);
  return holder !== null && isSameProcess(holder) ? holder : null;
}

function readHolder(path: string): LockHolder | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const identity = asIdentity(value);
    if (identity === null) return null;
    const { what } = value as Record<string, unknown>;
    return { ...identity, what: typeof what === 'string' ? what : '' };
  } catch {
    return null;
  }
}

/**
 * One attempt, without waiting. The file appears with its content (hard link of a finished one), so that nobody ever
 * reads half a holder. Throws errno errors of a disk that cannot be written.
 */
export function tryLock(path: string, what: string, disk: Disk = createDisk()): LockAttempt {
  const me = identify(process.pid);
  if (me === null) return { held: false, by: null };
  disk.mkdir(dirname(path));
  const mine = tmpName(path);
  disk.create(mine, `${JSON.stringify({ ...me, what })}\n`, 0o600);
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      try {
        disk.link(mine, path);
        return { held: true, release: () => releaseLock(path, me) };
      } catch (error) {
        if (errno(error) !== 'EEXIST') throw error;
      }
      const holder = lockHolder(path);
      if (holder !== null) return { held: false, by: holder };
      takeAway(path, disk);
    }
    return { held: false, by: lockHolder(path) };
  } finally {
    quietly(() => unlinkSync(mine));
  }
}

/**
 * The lock of `from`, which hands it over to this process: replaced in one rename, so that nobody finds it free in
 * between. Refused when somebody else who lives holds it. Throws errno errors of a disk that cannot be written.
 */
export function inheritLock(path: string, from: ProcessIdentity, what: string, disk: Disk = createDisk()): LockAttempt {
  const me = identify(process.pid);
  const holder = lockHolder(path);
  if (me === null) return { held: false, by: null };
  if (holder !== null && (holder.pid !== from.pid || holder.startTime !== from.startTime)) {
    return { held: false, by: holder };
  }
  disk.mkdir(dirname(path));
  const mine = tmpName(path);
  disk.create(mine, `${JSON.stringify({ ...me, what })}\n`, 0o600);
  try {
    disk.rename(mine, path);
  } catch (error) {
    quietly(() => unlinkSync(mine));
    throw error;
  }
  return { held: true, release: () => releaseLock(path, me) };
}

/** Moves a dead holder's file away; should a living one have come in between, it gets its file back. */
function takeAway(path: string, disk: Disk): void {
  const aside = tmpName(path);
  try {
    disk.rename(path, aside);
  } catch (error) {
    if (errno(error) === 'ENOENT') return;
    throw error;
  }
  if (lockHolder(aside) !== null) quietly(() => disk.link(aside, path));
  quietly(() => unlinkSync(aside));
}

function releaseLock(path: string, me: ProcessIdentity): boolean {
  const isOurs = (): boolean => {
    const holder = readHolder(path);
    return holder !== null && holder.pid === me.pid && holder.startTime === me.startTime;
  };
  if (isOurs()) quietly(() => unlinkSync(path));
  return !isOurs();
}

/** Between two attempts to remove a lock from a disk that takes no changes, ms. */
const letGoEveryMs = 250;

/** For who lives on after it: a lock that it could not remove would keep every verb from this node until its end. */
export async function letGo(
  lock: { release(): boolean },
  clock: Pick<Clock, 'sleep'>,
  signal?: AbortSignal,
): Promise<void> {
  while (!lock.release() && signal?.aborted !== true) await clock.sleep(letGoEveryMs, signal);
}

/** As `letGo`, for who does not wait: its timer keeps no process from its end, which gives the lock back as well. */
export function letGoSoon(lock: { release(): boolean }): void {
  if (!lock.release()) setTimeout(letGoSoon, letGoEveryMs, lock).unref();
}

/**
 * Takes the lock of a node's verbs, waiting up to `waitMs` for another verb to end.
 * Throws ClusterError 'trial-busy' that names the holder, or 'disk'.
 */
export async function lockVerbs(path: string, what: string, clock: Clock, waitMs: number): Promise<() => void> {
  const until = clock.nowMs() + waitMs;
  for (;;) {
    let attempt: LockAttempt;
    try {
      attempt = tryLock(path, what);
    } catch (cause) {
      throw new ClusterError(
        'disk',
        `cannot take the lock of this node's verbs: ${errno(cause) || String(cause)}`,
        { seen: path, next: 'make room on the disk, or make it writable' },
        cause,
      );
    }
    if (attempt.held) return attempt.release;
    if (clock.nowMs() >= until) {
      const by = attempt.by === null ? 'an unknown process' : `process ${attempt.by.pid} (${attempt.by.what})`;
      throw new ClusterError('trial-busy', `another verb runs on this node: ${by}`, {
        seen: `${by} holds ${path}`,
        wanted: 'one verb at a time',
        next: 'wait for it to end, then call again',
      });
    }
    await clock.sleep(50);
  }
}
