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
import { diskError, keepOrRemove } from './install.ts';
import { withPartial } from './partial-lock.ts';
import { seedByClone } from './seed.ts';
import { hashesByInstall, isDirectory, partialPath, releasePath, type VerifiedRelease } from './store.ts';
import { removeTree, unshareTree } from './tree.ts';

export interface PullOptions extends Channel {
  transfer: Transfer;
  base: string;
  hash: string;
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

/**
 * Receives the release into `releases/<hash>.partial`; a partial that is there is resumed. Files that a release on disk
 * has already are not moved. Throws ClusterError 'transfer-failed', 'disk', or what the serving end said.
 */
export async function pullRelease({ transfer, base, ...channel }: PullOptions): Promise<Moved> {
  return transfer.pull({ ...channel, ...(await preparePartial(base, channel.hash)) });
}

/** As `pullRelease`, on a partial that should be complete: `changed` names what was not as the source has it. */
export async function pullItemized({
  transfer,
  base,
  ...channel
}: PullOptions): Promise<Moved & { changed: string[] }> {
  return transfer.pullItemized({ ...channel, ...(await preparePartial(base, channel.hash)) });
}

export interface CopyOptions extends TransferLimits {
  transfer: Transfer;
  base: string;
  hash: string;
  from: string;
}

/** Fills the partial from a directory of this host. Throws as `pullRelease`. */
export async function copyIntoPartial({ transfer, base, hash, from, ...limits }: CopyOptions): Promise<Moved> {
  return transfer.copy({ from, ...limits, ...(await preparePartial(base, hash)) });
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

export interface ServeOptions {
  transfer: Transfer;
  direction: Direction;
  base: string;
  hash: string;
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

async function servePush({ transfer, base, hash, ...request }: ServeOptions): Promise<ServedRelease> {
  return withPartial(base, hash, request.signal, async () => {
    const { into, have } = await preparePartial(base, hash);
    const { exitCode, stderr, diskFailed } = await transfer.serve({ ...request, directory: into, have });
    if (diskFailed) await removeTree(into);
    return { exitCode: exitCode ?? failedExit, stderr };
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
 * After a push: verifies what arrived and keeps it as a release (P7). A tree that is not what its name says is removed.
 * Throws ClusterError 'verify-failed', 'release-invalid', 'disk'.
 */
export async function finishPush(base: string, hash: string): Promise<VerifiedRelease> {
  return withPartial(
    base,
    hash,
    AbortSignal.timeout(finishWaitMs),
    async () => (await keepOrRemove(base, hash)).release,
  );
}
