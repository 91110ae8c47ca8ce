/**
 * Room on a node's disk. Releases never use up what the store and the daemon need to go on: a reserve stays free, which
 * is asked for before a release comes in, and again and again while it does.
 */
import { lstat, readdir, statfs } from 'node:fs/promises';
import { ClusterError } from '../errors.ts';
import { below } from './tree.ts';

/** etcd's quota: what its data may grow to. */
const largestReserveBytes = 2 * 1024 ** 3;
/** Of small disks so much of the whole; the store of a small cluster takes a few MB. */
const reserveShare = 0.1;
/** What a push may bring at most, unless the configuration says otherwise: 2 GiB. */
export const defaultPushBytesMax = 2 * 1024 ** 3;
/** Between two looks at the disk while a release comes in, ms: a fast disk takes some 100 MB in that time. */
const lookEveryMs = 200;
/** What a file, link or directory counts at least. */
const entryBytes = 4096;

export interface Room {
  /** What this process may still write. */
  freeBytes: number;
  /** Of that, what releases leave alone. */
  reserveBytes: number;
}

/** Bytes that releases leave free on a disk of that size: 2 GiB, or a tenth of a disk that is smaller than 20 GiB. */
export function defaultReserveBytes(diskBytes: number): number {
  return Math.floor(Math.min(largestReserveBytes, diskBytes * reserveShare));
}

/** The room where `base` is. `reserveBytes` undefined: as `defaultReserveBytes`. Throws ClusterError 'disk'. */
export async function diskRoom(base: string, reserveBytes?: number): Promise<Room> {
  try {
    const { blocks, bavail, bsize } = await statfs(base);
    return { freeBytes: bavail * bsize, reserveBytes: reserveBytes ?? defaultReserveBytes(blocks * bsize) };
  } catch (cause) {
    throw new ClusterError('disk', `cannot ask how much room ${base} has`, { seen: (cause as Error).message }, cause);
  }
}

/** Bytes that this node may still write where its releases are. Throws ClusterError 'disk'. */
export async function diskFreeBytes(base: string): Promise<number> {
  return (await diskRoom(base)).freeBytes;
}

/** Why `bytes` more may not be written; null when they may. */
export function shortOfRoom({ freeBytes, reserveBytes }: Room, bytes: number): ClusterError | null {
  if (freeBytes - bytes >= reserveBytes) return null;
  const forThis = bytes === 0 ? '' : `, and ${bytes} for the release`;
  return new ClusterError('disk', 'the disk has no room for another release', {
    seen: `${freeBytes} bytes free`,
    wanted: `${reserveBytes} bytes that stay free for the store and the daemon${forThis}`,
    next: 'make room on this node; old releases go with a lower keepReleases, the reserve is diskReserveBytes',
  });
}

/** Bytes of a tree as a bound counts them: every entry 4 KiB at least. What goes away meanwhile counts nothing. */
export async function bytesOfTree(dir: string | Buffer): Promise<number> {
  const at = Buffer.from(dir as string);
  let sum = 0;
  for (const name of await readdir(at, { encoding: 'buffer' }).catch(() => [])) {
    const stats = await lstat(below(at, name)).catch(() => null);
    if (stats === null) continue;
    sum += Math.max(stats.size, entryBytes);
    if (stats.isDirectory()) sum += await bytesOfTree(below(at, name));
  }
  return sum;
}

/** What a push that brought more than it may is told; null while it did not. */
export function overBound(seenBytes: number, pushBytesMax: number): ClusterError | null {
  if (seenBytes <= pushBytesMax) return null;
  return new ClusterError('refused', 'the build is larger than this node takes from a push', {
    seen: `${seenBytes} bytes so far`,
    wanted: `at most ${pushBytesMax} bytes (pushBytesMax)`,
    next: 'make the build smaller, or raise pushBytesMax in the config.yaml of the node and restart it',
  });
}

/**
 * Runs `work` under a signal that aborts when the caller's does, or as soon as `look` finds a reason; then that reason is
 * thrown, however the work took it.
 */
export async function underWatch<T>(
  signal: AbortSignal | undefined,
  look: () => Promise<ClusterError | null>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ends = new AbortController();
  const watch: { found: ClusterError | null; timer?: NodeJS.Timeout; over: boolean } = { found: null, over: false };
  const giveUp = (): void => ends.abort(signal?.reason);
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted) giveUp();
  const lookLater = (): void => {
    watch.timer = setTimeout(async () => {
      // A disk that cannot be asked says so to the work itself.
      watch.found ??= await look().catch(() => null);
      if (watch.found !== null) ends.abort();
      else if (!watch.over) lookLater();
    }, lookEveryMs);
    watch.timer.unref();
  };
  lookLater();
  try {
    const result = await work(ends.signal);
    // Work that only tells how it ended, as a serving end does, does not throw.
    if (watch.found !== null) throw watch.found;
    return result;
  } catch (thrown) {
    throw watch.found ?? thrown;
  } finally {
    watch.over = true;
    clearTimeout(watch.timer);
    signal?.removeEventListener('abort', giveUp);
  }
}
