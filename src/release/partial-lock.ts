/**
 * One at a time puts a release together: two transfers into one tree would undo each other's work. The daemon is one of
 * them, and lives on: a lock that the disk did not take back would keep the release from this node until its end.
 */
import { join } from 'node:path';
import { type LockAttempt, letGoSoon, tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import { diskError } from './install.ts';

const pollMs = 50;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

function attempt(path: string, what: string): LockAttempt {
  try {
    return tryLock(path, what);
  } catch (thrown) {
    throw diskError(thrown, 'locking the release');
  }
}

const lockFile = (base: string, hash: string): string => join(nodePaths(base).run, `stage-${hash}.lock`);

/**
 * Runs `work` when nobody fills `releases/<hash>.partial` just now, and keeps everybody from it meanwhile. Does not wait;
 * false when somebody does.
 */
export async function ifUnused(base: string, hash: string, work: () => Promise<unknown>): Promise<boolean> {
  const lock = attempt(lockFile(base, hash), `tidying release ${hash.slice(0, 12)}`);
  if (!lock.held) return false;
  try {
    await work();
  } finally {
    letGoSoon(lock);
  }
  return true;
}

/**
 * Runs `work` as the only one on this host that fills `releases/<hash>.partial`. Waits for another one until `signal`
 * aborts; then throws ClusterError 'transfer-failed' that names the other.
 */
export async function withPartial<T>(
  base: string,
  hash: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const path = lockFile(base, hash);
  for (;;) {
    const lock = attempt(path, `filling release ${hash.slice(0, 12)}`);
    if (lock.held) {
      try {
        return await work();
      } finally {
        letGoSoon(lock);
      }
    }
    if (signal?.aborted) {
      throw new ClusterError('transfer-failed', 'another transfer of this release is under way', {
        seen: lock.by === null ? `${path} is held` : `process ${lock.by.pid} (${lock.by.what})`,
        wanted: 'one transfer of a release at a time',
        next: 'wait for it to end, then try again',
      });
    }
    await pause(pollMs);
  }
}
