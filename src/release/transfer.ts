/**
 * Brings the bytes of a release to a node's disk and from it. What moves them is handed in (src/ports/transfer.ts);
 * whatever arrives is only a partial: install.ts decides whether it is a release.
 */
import { mkdir } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { checkBuildHash } from '../base/build-hash.ts';
import { errorLine } from '../base/error-line.ts';
import { withSignals } from '../base/signals.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Channel, Direction, Moved, Transfer, TransferLimits } from '../ports/transfer.ts';
import { diskError, keepOrRemove, removePartialIfBad } from './install.ts';
import { withPartial } from './partial-lock.ts';
import { bytesOfTree, defaultPushBytesMax, diskRoom, overBound, shortOfRoom, underWatch } from './room.ts';
import { seedByClone } from './seed.ts';
import { hashesByInstall, isDirectory, partialPath, releasePath, type VerifiedRelease } from './store.ts';
import { removeTree, unshareTree } from './tree.ts';

/** The tree that is filled, and what bounds it. */
export interface PartialOptions {
  base: string;
  hash: string;
  /** Bytes that stay free on the disk. Default: 2 GiB, or a tenth of a small disk. */
  reserveBytes?: number | undefined;
}

export interface PullOptions extends Channel, PartialOptions {
  transfer: Transfer;
}

/** A client that neither sends nor leaves holds a serving end for this long at most. */
const serveLimitMs = 3_600_000;
const finishWaitMs = 120_000;

/** Runs `work` with a signal that aborts with the caller's, or when the time is up. */
export function limitedBy<T>(
  signal: AbortSignal | undefined,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withSignals([signal, AbortSignal.timeout(timeoutMs)], work);
}

/** A partial that may be written to, and the releases whose files it may take. */
export async function preparePartial(base: string, hash: string): Promise<{ into: string; have: string[] }> {
  const into = partialPath(base, hash);
  try {
    await mkdir(into, { recursive: true });
    await unshareTree(into);
  } catch (thrown) {
    throw diskError(thrown, 'preparing the transfer');
  }
  const others = (await hashesByInstall(base)).filter((other) => other !== hash);
  const have = others.map((other) => releasePath(base, other));
  if (have[0] !== undefined) await seedByClone(into, have[0]);
  return { into, have };
}

interface Filling extends PartialOptions {
  signal?: AbortSignal;
  /** Bytes that are about to come, where that is known. */
  bytes?: number;
  /** Bytes that the tree may have at most. Default: what the disk has room for. */
  bytesMax?: number;
}

/** Has `work` fill the partial as long as there is room for it. Throws ClusterError 'disk' or 'refused' when it ends. */
async function fill<T>(
  { base, hash, reserveBytes, signal, bytes = 0, bytesMax }: Filling,
  work: (tree: { into: string; have: string[]; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const short = shortOfRoom(await diskRoom(base, reserveBytes), bytes);
  if (short !== null) throw short;
  const tree = await preparePartial(base, hash);
  const look = async (): Promise<ClusterError | null> =>
    shortOfRoom(await diskRoom(base, reserveBytes), 0) ??
    (bytesMax === undefined ? null : overBound(await bytesOfTree(tree.into), bytesMax));
  return underWatch(signal, look, (ends) => work({ ...tree, signal: ends }));
}

/**
 * Receives the release into `releases/<hash>.partial`; a partial that is there is resumed. Files that a release on disk
 * has already are not moved. Throws ClusterError 'transfer-failed', 'disk', or what the serving end said.
 */
export async function pullRelease({ transfer, ...options }: PullOptions): Promise<Moved> {
  return fill(options, (tree) => transfer.pull({ ...options, ...tree }));
}

/** As `pullRelease`, on a partial that should be complete: `changed` names what was not as the source has it. */
export async function pullItemized({ transfer, ...options }: PullOptions): Promise<Moved & { changed: string[] }> {
  return fill(options, (tree) => transfer.pullItemized({ ...options, ...tree }));
}

export interface CopyOptions extends TransferLimits, PartialOptions {
  transfer: Transfer;
  from: string;
  /** How large the tree is. */
  bytes?: number;
}

/** Fills the partial from a directory of this host. Throws as `pullRelease`. */
export async function copyIntoPartial({ transfer, from, ...options }: CopyOptions): Promise<Moved> {
  return fill(options, (tree) => transfer.copy({ from, ...options, ...tree }));
}

/**
 * Sends the build in `dir` to the other end, which verifies and keeps it. Throws ClusterError 'transfer-failed', or what
 * the receiving end said ('verify-failed', 'disk', …).
 */
export async function pushRelease({
  transfer,
  ...request
}: { transfer: Transfer; dir: string; hash: string } & Channel): Promise<Moved> {
  checkBuildHash(request.hash);
  return transfer.push(request);
}

export interface ServeOptions extends PartialOptions {
  transfer: Transfer;
  direction: Direction;
  /** Bytes that a push may bring. Default 2 GiB. */
  pushBytesMax?: number | undefined;
  /** What the client announced; nothing else of it is taken. */
  capabilities: string;
  input: Readable;
  output: Writable;
  signal?: AbortSignal;
}

/** Over the wire: 0, or a failure whose stderr ends in an error that the client reads. */
export interface ServedRelease {
  exitCode: number;
  stderr: string;
}

const refusedExit = 3;
const failedExit = 4;

async function servePull({ transfer, base, hash, ...request }: ServeOptions): Promise<ServedRelease> {
  const directory = releasePath(base, hash);
  if (!(await isDirectory(directory))) {
    throw new ClusterError('not-found', `this node does not have release ${hash.slice(0, 12)}`, {
      seen: 'no such release on disk',
      wanted: hash,
      next: 'stage it from a node that has it: claudecluster releases list',
    });
  }
  const { exitCode, stderr } = await transfer.serve({ ...request, directory, have: [] });
  return { exitCode: exitCode ?? failedExit, stderr };
}

async function servePush({
  transfer,
  pushBytesMax = defaultPushBytesMax,
  ...request
}: ServeOptions): Promise<ServedRelease> {
  const { base, hash } = request;
  return withPartial(base, hash, request.signal, async () => {
    try {
      const { exitCode, stderr, diskFailed } = await fill({ ...request, bytesMax: pushBytesMax }, ({ into, ...tree }) =>
        transfer.serve({ ...request, ...tree, directory: into }),
      );
      if (diskFailed) await removeTree(partialPath(base, hash));
      return { exitCode: exitCode ?? failedExit, stderr };
    } catch (thrown) {
      await removePartialIfBad(base, hash, thrown);
      throw thrown;
    }
  });
}

/**
 * The serving end of a transfer, confined to the one release. A pull reads `releases/<hash>`, a push fills its partial
 * (then `finishPush` makes a release of it). Ends when the client does, when a stream breaks off, or when `signal`
 * aborts. Never throws: a refusal is an exit code and an error in stderr.
 */
export async function serveRelease(request: ServeOptions): Promise<ServedRelease> {
  // They may break before the other program has them, and after; that is told by how the serving ends.
  request.input.on('error', () => {});
  request.output.on('error', () => {});
  try {
    checkBuildHash(request.hash);
    const serve = request.direction === 'pull' ? servePull : servePush;
    return await limitedBy(request.signal, serveLimitMs, (signal) => serve({ ...request, signal }));
  } catch (thrown) {
    request.output.end();
    const error = asClusterError(thrown);
    return { exitCode: error.code === 'usage' ? refusedExit : failedExit, stderr: errorLine(error) };
  }
}

/**
 * After a push: verifies what arrived and keeps it as a release (P7). A tree that is not what its name says, or larger than
 * `pushBytesMax` (default 2 GiB), is removed. Throws ClusterError 'verify-failed', 'release-invalid', 'refused', 'disk'.
 */
export async function finishPush(
  base: string,
  hash: string,
  pushBytesMax = defaultPushBytesMax,
): Promise<VerifiedRelease> {
  return withPartial(base, hash, AbortSignal.timeout(finishWaitMs), async () => {
    // A small one comes in between two looks of `fill`.
    const over = overBound(await bytesOfTree(partialPath(base, hash)), pushBytesMax);
    if (over !== null) {
      await removeTree(partialPath(base, hash));
      throw over;
    }
    return (await keepOrRemove(base, hash)).release;
  });
}
