/** Brings a release onto this node's disk, ready to be activated: what `node stage` does, and its local sibling. */
import { ClusterError } from '../errors.ts';
import type { VersionInfo } from '../ports/releases.ts';
import type { Transfer } from '../ports/transfer.ts';
import { goodRelease, type Installed, installPartial, removePartialIfBad } from './install.ts';
import { withPartial } from './partial-lock.ts';
import { runSelfTest } from './self-test.ts';
import { partialPath, verifyTree } from './store.ts';
import { copyIntoPartial, limitedBy, type PullOptions, pullItemized, pullRelease } from './transfer.ts';
import { readVersion } from './version.ts';

export interface Staged {
  version: VersionInfo;
  /** Bytes moved, both ways; 0 when nothing had to be moved. */
  bytesTransferred: number;
  alreadyThere: boolean;
  durationMs: number;
}

export interface StageOptions extends PullOptions {
  /** Milliseconds for the build's own self-test. Default 30,000. */
  selfTestTimeoutMs?: number;
}

const defaultTimeoutMs = 600_000;
const defaultSelfTestMs = 30_000;

/** Milliseconds since it was made, by the monotonic clock. For reports. */
function stopwatch(): () => number {
  const start = process.hrtime.bigint();
  return () => Number((process.hrtime.bigint() - start) / 1_000_000n);
}

/**
 * Why what arrived is not the release. A second pass moves what differs from the source, so it repairs damage of the way;
 * when nothing differs, the source itself is damaged. Returns the bytes of the second pass.
 */
async function secondPass(options: StageOptions, first: ClusterError): Promise<number> {
  const { changed, bytesTransferred } = await pullItemized(options);
  const seen = first.detail.seen ?? '';
  if (changed.length === 0) {
    const next =
      'stage it from another node, or bring the build in again: the copy on the node it came from is damaged';
    throw new ClusterError(
      first.code,
      `${first.message}: it arrived as the source has it`,
      { ...first.detail, seen, next },
      first,
    );
  }
  const files = changed.slice(0, 3).join(', ');
  try {
    await verifyTree(partialPath(options.base, options.hash), options.hash);
  } catch (thrown) {
    if (!(thrown instanceof ClusterError)) throw thrown;
    throw new ClusterError(thrown.code, `${thrown.message}: damaged on the way: ${files}`, thrown.detail, thrown);
  }
  return bytesTransferred;
}

async function pullVerified(options: StageOptions): Promise<number> {
  const { bytesTransferred } = await pullRelease(options);
  try {
    await verifyTree(partialPath(options.base, options.hash), options.hash);
    return bytesTransferred;
  } catch (thrown) {
    if (!(thrown instanceof ClusterError) || thrown.code !== 'verify-failed') throw thrown;
    return bytesTransferred + (await secondPass(options, thrown));
  }
}

async function fetchAndInstall(options: StageOptions): Promise<{ installed: Installed; bytesTransferred: number }> {
  const { base, hash, signal } = options;
  try {
    // Verified before its own code runs (P7), and again afterwards, for that code may have written beside itself.
    const bytesTransferred = await pullVerified(options);
    await runSelfTest(partialPath(base, hash), options.selfTestTimeoutMs ?? defaultSelfTestMs, signal);
    return { installed: await installPartial(base, hash), bytesTransferred };
  } catch (thrown) {
    await removePartialIfBad(base, hash, thrown);
    throw thrown;
  }
}

/**
 * Has the release on this node's disk: verified, self-tested, named. What is there already and good is left alone.
 * A transfer that was cut off leaves a partial that the next attempt resumes; one that arrived wrong is removed.
 * Throws ClusterError 'transfer-failed', 'verify-failed', 'release-invalid', 'self-test-failed', 'disk', or what the
 * serving end said.
 */
export async function stageRelease(options: StageOptions): Promise<Staged> {
  const { base, hash } = options;
  const elapsed = stopwatch();
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const once = async (signal: AbortSignal): Promise<Staged> => {
    const there = await goodRelease(base, hash);
    if (there !== null)
      return { version: there.version, bytesTransferred: 0, alreadyThere: true, durationMs: elapsed() };
    const { installed, bytesTransferred } = await fetchAndInstall({ ...options, signal, timeoutMs });
    return { version: installed.release.version, bytesTransferred, alreadyThere: false, durationMs: elapsed() };
  };
  return limitedBy(options.signal, timeoutMs, (signal) => withPartial(base, hash, signal, () => once(signal)));
}

export interface ImportOptions {
  transfer: Transfer;
  base: string;
  /** The build: a stamped directory of this host. */
  dir: string;
  /** Bytes that stay free on the disk. Default: 2 GiB, or a tenth of a small disk. */
  reserveBytes?: number | undefined;
  signal?: AbortSignal;
}

/**
 * Copies a stamped build of this host into the store. The build is verified where it is and again in the store.
 * Throws ClusterError 'release-invalid', 'verify-failed', 'transfer-failed', 'disk'.
 */
export async function importDirectory({ transfer, base, dir, reserveBytes, signal }: ImportOptions): Promise<Staged> {
  const elapsed = stopwatch();
  const version = await readVersion(dir);
  const hash = version.buildHash;
  const once = async (limit: AbortSignal): Promise<Staged> => {
    const there = await goodRelease(base, hash);
    if (there !== null)
      return { version: there.version, bytesTransferred: 0, alreadyThere: true, durationMs: elapsed() };
    const source = await verifyTree(dir, hash);
    try {
      const { bytesTransferred } = await copyIntoPartial({
        transfer,
        base,
        hash,
        from: dir,
        reserveBytes,
        bytes: source.totalBytes,
        signal: limit,
      });
      const { release } = await installPartial(base, hash, source.tree.entries);
      return { version: release.version, bytesTransferred, alreadyThere: false, durationMs: elapsed() };
    } catch (thrown) {
      await removePartialIfBad(base, hash, thrown);
      throw thrown;
    }
  };
  return limitedBy(signal, defaultTimeoutMs, (limit) => withPartial(base, hash, limit, () => once(limit)));
}
