/** The highest epoch that this node has seen: a command of a lower one comes from a former leader and is refused (P6). */
import { dirname } from 'node:path';
import { createDisk, type Disk, errno, readTextOrNull, writeJsonAtomic } from '../base/files.ts';
import { type LockAttempt, tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';

/**
 * The epoch on disk; 0 where none was ever seen. Throws ClusterError 'operator-needed' when the file is there and
 * cannot be understood: to take it for 0 would let every former leader command this node again.
 */
export function readEpoch(base: string): number {
  const path = nodePaths(base).epoch;
  let text: string | null;
  try {
    text = readTextOrNull(path);
  } catch (cause) {
    throw new ClusterError('disk', `cannot read ${path}`, { seen: errno(cause) }, cause);
  }
  if (text === null) return 0;
  const epoch = parseEpoch(text);
  if (epoch !== null) return epoch;
  throw new ClusterError('operator-needed', 'the epoch that this node has seen cannot be read', {
    seen: `${path}: ${JSON.stringify(text.slice(0, 60))}`,
    wanted: '{"epoch":N}',
    next: `write {"epoch":N} into ${path}, N being the epoch that "claudecluster status" shows`,
  });
}

function parseEpoch(text: string): number | null {
  try {
    const { epoch } = JSON.parse(text) as { epoch?: unknown };
    return typeof epoch === 'number' && Number.isSafeInteger(epoch) && epoch >= 0 ? epoch : null;
  } catch {
    return null;
  }
}

/**
 * Refuses an epoch older than the highest seen, and keeps a newer one, on the platter before it returns (P6).
 * Throws ClusterError 'stale-epoch' that names both, 'usage', 'operator-needed' (see readEpoch) or 'disk'.
 */
export function admitEpoch(base: string, epoch: number, nodeId: string, disk: Disk = createDisk()): void {
  if (!Number.isSafeInteger(epoch) || epoch < 0) {
    throw new ClusterError('usage', `not an epoch: ${epoch}`, { nodeId, wanted: 'a whole number, 0 or more' });
  }
  refuseStale(readEpoch(base), epoch, nodeId);
  if (readEpoch(base) === epoch) return;
  const path = nodePaths(base).epoch;
  try {
    disk.mkdir(dirname(path));
    const unlock = lockEpoch(`${path}.lock`, disk);
    try {
      // Read again under the lock: the daemon may have kept a higher one meanwhile, and it must never shrink.
      refuseStale(readEpoch(base), epoch, nodeId);
      writeJsonAtomic(path, { epoch }, disk);
    } finally {
      unlock();
    }
  } catch (cause) {
    if (cause instanceof ClusterError) throw cause;
    const next = 'make room on the disk, or make it writable';
    throw new ClusterError('disk', 'cannot keep the epoch', { nodeId, seen: errno(cause), next }, cause);
  }
}

function refuseStale(seen: number, epoch: number, nodeId: string): void {
  if (epoch >= seen) return;
  throw new ClusterError('stale-epoch', `${nodeId} has seen epoch ${seen}; this command is of epoch ${epoch}`, {
    nodeId,
    seen: `epoch ${epoch}`,
    wanted: `epoch ${seen} or higher`,
    next: 'stop: another node leads now',
  });
}

/** Waits a second at most: the lock is held for one small write. */
function lockEpoch(path: string, disk: Disk): () => void {
  for (let attempt = 0; ; attempt += 1) {
    const lock: LockAttempt = tryLock(path, 'epoch', disk);
    if (lock.held) return lock.release;
    if (attempt === 100)
      throw new ClusterError('disk', `the epoch's lock is held: ${path}`, { seen: `process ${lock.by?.pid ?? '?'}` });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}
