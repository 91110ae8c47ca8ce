/**
 * Moves releases between hosts with rsync, over a channel that somebody else opens (`rshCommand` names the program).
 * Whatever arrives is only a partial: install.ts decides whether it is a release.
 */
import { mkdir } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { copyArgv, type Direction, pullArgv, pushArgv } from '../adapters/rsync/argv.ts';
import { bytesMoved, changedNames, errorLine, failureOf, isDiskFailure, tail } from '../adapters/rsync/outcome.ts';
import { runRsync } from '../adapters/rsync/process.ts';
import { serve } from '../adapters/rsync/serve.ts';
import { checkBuildHash } from '../base/build-hash.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import { diskError, keepOrRemove } from './install.ts';
import { withPartial } from './partial-lock.ts';
import { hashesByInstall, isDirectory, partialPath, releasePath, type VerifiedRelease } from './store.ts';
import { removeTree, unshareTree } from './tree.ts';

export type PullOptions = { base: string; hash: string } & ClientOptions;

export interface Moved {
  /** Over the wire, both ways. */
  bytesTransferred: number;
  durationMs: number;
}

export interface ClientOptions {
  /** Program and words that rsync starts as its remote shell; rsync appends its own arguments. */
  rshCommand: string[];
  signal?: AbortSignal;
  /** Milliseconds for the whole transfer. Default 600,000. */
  timeoutMs?: number;
}

const defaultTimeoutMs = 600_000;
/** A client that neither sends nor leaves holds a serving end for this long at most. */
const serveLimitMs = 3_600_000;
const finishWaitMs = 120_000;

/** Aborts with the caller's signal, or when the time is up. */
export function limitedBy(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const limit = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? limit : AbortSignal.any([signal, limit]);
}

/** Milliseconds since it was made, by the monotonic clock. For reports. */
export function stopwatch(): () => number {
  const start = process.hrtime.bigint();
  return () => Number((process.hrtime.bigint() - start) / 1_000_000n);
}

type Limits = Omit<ClientOptions, 'rshCommand'>;

async function run(argv: string[], cwd: string, options: Limits): Promise<{ moved: Moved; stdout: string }> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const limit = limitedBy(options.signal, timeoutMs);
  const elapsed = stopwatch();
  const ended = await runRsync(argv, cwd, limit);
  if (ended.exitCode === 0) {
    return { moved: { bytesTransferred: bytesMoved(ended.stdout), durationMs: elapsed() }, stdout: ended.stdout };
  }
  if (!limit.aborted) throw failureOf(ended);
  const why = options.signal?.aborted ? 'it was called off' : `it took more than ${timeoutMs} ms`;
  throw new ClusterError('transfer-failed', `the transfer of the release was cut off: ${why}`, {
    seen: tail(ended.stderr) || why,
    wanted: 'the whole release',
    next: 'try again: what arrived is kept and the rest follows',
  });
}

/** A partial that rsync may write to, and the releases whose files it may link. */
export async function preparePartial(base: string, hash: string): Promise<{ into: string; have: string[] }> {
  const into = partialPath(base, hash);
  try {
    await mkdir(into, { recursive: true });
    await unshareTree(into);
  } catch (thrown) {
    throw diskError(thrown, 'preparing the transfer');
  }
  const have = (await hashesByInstall(base)).filter((other) => other !== hash);
  return { into, have: have.map((other) => releasePath(base, other)) };
}

/**
 * Receives the release into `releases/<hash>.partial`; a partial that is there is resumed. Files that a release on disk
 * has already are linked, not moved. Throws ClusterError 'transfer-failed', 'disk', or what the serving end said.
 */
export async function pullRelease(options: PullOptions): Promise<Moved> {
  const { base, hash, rshCommand } = options;
  const { into, have } = await preparePartial(base, hash);
  return (await run(pullArgv({ rshCommand, hash, into, have }), base, options)).moved;
}

/** As `pullRelease`, on a partial that should be complete: `changed` names what was not as the source has it. */
export async function pullItemized(options: PullOptions): Promise<{ moved: Moved; changed: string[] }> {
  const { base, hash, rshCommand } = options;
  const { into, have } = await preparePartial(base, hash);
  const { stdout, moved } = await run(pullArgv({ rshCommand, hash, into, have, itemize: true }), base, options);
  return { moved, changed: changedNames(stdout) };
}

/** Fills the partial from a directory of this host. Throws as `pullRelease`. */
export async function copyIntoPartial(options: { base: string; hash: string; from: string } & Limits): Promise<Moved> {
  const { into, have } = await preparePartial(options.base, options.hash);
  return (await run(copyArgv({ from: options.from, into, have }), options.base, options)).moved;
}

/**
 * Sends the build in `dir` to the other end, which verifies and keeps it. Throws ClusterError 'transfer-failed', or what
 * the receiving end said ('verify-failed', 'disk', …).
 */
export async function pushRelease(options: { dir: string; hash: string } & ClientOptions): Promise<Moved> {
  const { dir, hash, rshCommand } = options;
  checkBuildHash(hash);
  return (await run(pushArgv({ rshCommand, hash, dir }), dir, options)).moved;
}

export interface ServeRequest {
  direction: Direction;
  base: string;
  hash: string;
  /** What the client's rsync announced; nothing else of it is taken. */
  capabilities: string;
  input: Readable;
  output: Writable;
  signal?: AbortSignal;
}

/** Over the wire: 0, or a failure whose stderr ends in an error that the client reads. */
export interface Served {
  exitCode: number;
  stderr: string;
}

const refusedExit = 3;
const failedExit = 4;

async function servePull(request: ServeRequest): Promise<Served> {
  const directory = releasePath(request.base, request.hash);
  if (!(await isDirectory(directory))) {
    throw new ClusterError('not-found', `this node does not have release ${request.hash.slice(0, 12)}`, {
      seen: 'no such release on disk',
      wanted: request.hash,
      next: 'stage it from a node that has it: claudecluster releases list',
    });
  }
  const ended = await serve({ ...request, directory, have: [] });
  return { exitCode: ended.exitCode ?? failedExit, stderr: ended.stderr };
}

async function servePush(request: ServeRequest): Promise<Served> {
  return withPartial(request.base, request.hash, request.signal, async () => {
    const { into, have } = await preparePartial(request.base, request.hash);
    const ended = await serve({ ...request, directory: into, have });
    if (isDiskFailure(ended)) await removeTree(into);
    return { exitCode: ended.exitCode ?? failedExit, stderr: ended.stderr };
  });
}

/**
 * The serving end of a transfer: an rsync with arguments of our own making, confined to the one release. A pull reads
 * `releases/<hash>`, a push fills its partial (then `finishPush` makes a release of it). Ends when the client does, when
 * a stream breaks off, or when `signal` aborts. Never throws: a refusal is an exit code and an error in stderr.
 */
export async function serveRsync(request: ServeRequest): Promise<Served> {
  // They may break before rsync has them, and after; that is told by how the serving ends.
  request.input.on('error', () => {});
  request.output.on('error', () => {});
  try {
    checkBuildHash(request.hash);
    const limited = { ...request, signal: limitedBy(request.signal, serveLimitMs) };
    return await (request.direction === 'pull' ? servePull(limited) : servePush(limited));
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
