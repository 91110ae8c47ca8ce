/**
 * The highest epoch that this node has seen: a command of a lower one comes from a former leader and is refused (P6).
 * Only what the store has is kept (ADR 15): a number that somebody mistyped would make the node refuse every leader.
 */
import { dirname } from 'node:path';
import { identify } from '../base/boot.ts';
import { createDisk, type Disk, errno, readTextOrNull, writeJsonAtomic } from '../base/files.ts';
import { inheritLock, type LockAttempt, tryLock } from '../base/lock.ts';
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

export interface EpochDeps {
  base: string;
  nodeId: string;
  /** The epoch that the cluster is at, read linearizably. Throws ClusterError 'unavailable' when the store does not answer. */
  storeEpoch(): Promise<number>;
  disk?: Disk;
}

/**
 * Takes a command's epoch, or refuses it (P6). The one that is kept is equal: taken, and nobody is asked. A higher one is
 * believed only when the store has it, and is then on the platter before this returns. A lower one is a former leader's,
 * unless the store shows that the cluster never got as far as what is kept here: that was an error, and is let go.
 * Throws ClusterError 'stale-epoch' or 'refused' (no leader ever had it), which name both; 'unavailable': a higher one, and the
 * store does not answer; 'usage', 'operator-needed' (see readEpoch) or 'disk'. Then nothing is kept.
 */
export async function admitEpoch(deps: EpochDeps, epoch: number): Promise<void> {
  needEpoch(deps.nodeId, epoch);
  for (;;) {
    const kept = readEpoch(deps.base);
    if (epoch === kept) return;
    // Read after what is kept: what a leader gave us was in the store by then, so a lower answer says that nobody did.
    const present = await presentEpoch(deps, kept, epoch);
    if (epoch < present) throw stale(deps.nodeId, `${deps.nodeId} has seen epoch ${present}`, present, epoch);
    if (epoch > present) throw neverLed(deps.nodeId, present, epoch);
    if (exchangeEpoch(deps, kept, epoch)) return;
  }
}

/** Judges a command that must work without quorum: by what is kept alone, and it keeps nothing. Throws as admitEpoch. */
export function refuseFormer(base: string, epoch: number, nodeId: string): void {
  needEpoch(nodeId, epoch);
  const kept = readEpoch(base);
  if (epoch < kept) throw stale(nodeId, `${nodeId} has seen epoch ${kept}`, kept, epoch);
}

/**
 * Lets go of a kept epoch that the cluster never got to: with it this node would refuse every leader. Returns what was
 * kept, null when there was nothing to mend. Throws ClusterError 'unavailable', 'operator-needed' or 'disk'.
 */
export async function mendEpoch(deps: EpochDeps): Promise<number | null> {
  const kept = readEpoch(deps.base);
  if (kept === 0) return null;
  const present = await deps.storeEpoch();
  return present < kept && exchangeEpoch(deps, kept, present) ? kept : null;
}

/** What a command of `epoch` is measured by. For a lower one the store is asked in the node's own interest only. */
async function presentEpoch(deps: EpochDeps, kept: number, epoch: number): Promise<number> {
  if (epoch > kept) return deps.storeEpoch();
  return Math.min(kept, await deps.storeEpoch().catch(() => kept));
}

function needEpoch(nodeId: string, epoch: number): void {
  if (Number.isSafeInteger(epoch) && epoch >= 0) return;
  throw new ClusterError('usage', `not an epoch: ${epoch}`, { nodeId, wanted: 'a whole number, 0 or more' });
}

/** Keeps `next` in the place of `kept`; false when another command changed that meanwhile. */
function exchangeEpoch({ base, nodeId, disk = createDisk() }: EpochDeps, kept: number, next: number): boolean {
  const path = nodePaths(base).epoch;
  try {
    disk.mkdir(dirname(path));
    const unlock = lockEpoch(`${path}.lock`, disk);
    try {
      // Read again under the lock: the daemon and a verb may both be at it, and what the other one kept must not shrink.
      if (readEpoch(base) !== kept) return false;
      writeJsonAtomic(path, { epoch: next }, disk);
      return true;
    } finally {
      unlock();
    }
  } catch (cause) {
    if (cause instanceof ClusterError) throw cause;
    const what = 'make room on the disk, or make it writable';
    throw new ClusterError('disk', 'cannot keep the epoch', { nodeId, seen: errno(cause), next: what }, cause);
  }
}

function stale(nodeId: string, words: string, present: number, epoch: number): ClusterError {
  return new ClusterError('stale-epoch', `${words}; this command is of epoch ${epoch}`, {
    nodeId,
    seen: `epoch ${epoch}`,
    wanted: `epoch ${present} or higher`,
    next: 'stop: another node leads now',
  });
}

function neverLed(nodeId: string, present: number, epoch: number): ClusterError {
  return new ClusterError('refused', `nobody ever led this cluster under epoch ${epoch}`, {
    nodeId,
    seen: `epoch ${epoch}`,
    wanted: `epoch ${present}, which the store has`,
    next: '"claudecluster status" shows the epoch; nothing was kept',
  });
}

/**
 * Waits a second at most: the lock is held for one small write. One that names this process is left over from a disk that
 * did not take it back, for nothing else of ours runs between taking and giving back.
 */
function lockEpoch(path: string, disk: Disk): () => void {
  for (let attempt = 0; ; attempt += 1) {
    const lock: LockAttempt = tryLock(path, 'epoch', disk);
    if (lock.held) return lock.release;
    const me = identify(process.pid);
    if (me !== null && lock.by?.pid === me.pid && lock.by.startTime === me.startTime) {
      const own = inheritLock(path, me, 'epoch', disk);
      if (own.held) return own.release;
    }
    if (attempt === 100)
      throw new ClusterError('disk', `the epoch's lock is held: ${path}`, { seen: `process ${lock.by?.pid ?? '?'}` });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}
