/** Puts a verified tree into the store: the one place where a directory gets a release's name (P2, P7). */
import { chmod, mkdir, rename } from 'node:fs/promises';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import { compareEntries, hashRelease, type TreeEntry } from './hash.ts';
import { readOrder, writeManifest } from './manifest.ts';
import { protectedHashes, removeDirectory } from './prune.ts';
import {
  isDirectory,
  partialPath,
  releaseHashes,
  releasePath,
  type VerifiedRelease,
  verifyRelease,
  verifyTree,
} from './store.ts';
import { below, removeTree, sealTree, syncDirectory } from './tree.ts';

export interface Installed {
  release: VerifiedRelease;
  /** It was there before, verified just now. */
  alreadyThere: boolean;
}

/** What the disk refused, as ClusterError 'disk'; every other error as it is. */
export function diskError(thrown: unknown, doing: string): unknown {
  if (thrown instanceof ClusterError || !(thrown instanceof Error) || !('syscall' in thrown)) return thrown;
  return new ClusterError(
    'disk',
    `${doing} failed`,
    {
      seen: thrown.message,
      wanted: 'a disk with room that can be written',
      next: 'check the disk and the permissions of the base directory, then try again',
    },
    thrown,
  );
}

/** The release, verified, if it is on disk and good; null when it is missing or damaged. Throws 'disk'. */
export async function goodRelease(base: string, hash: string): Promise<VerifiedRelease | null> {
  try {
    return await verifyRelease(base, hash);
  } catch (thrown) {
    if (thrown instanceof ClusterError && thrown.code !== 'disk') return null;
    throw thrown;
  }
}

/**
 * A damaged release that a node runs from, or would go back to, cannot be taken away for a moment: dist must not point to
 * nothing (P2). Each bad entry is replaced by a good one with a rename; a crash in between leaves it less damaged.
 */
async function heal(release: string, partial: string, seen: TreeEntry[], wanted: TreeEntry[]): Promise<void> {
  const key = (entry: TreeEntry): string => entry.path.toString('latin1');
  const have = new Map(seen.map((entry) => [key(entry), entry]));
  await chmod(release, 0o755);
  for (const entry of seen) if (entry.kind === 'dir') await chmod(below(release, entry.path), 0o755);
  for (const entry of wanted) {
    const at = below(release, entry.path);
    const before = have.get(key(entry));
    have.delete(key(entry));
    if (before !== undefined && compareEntries(before, entry) === null) continue;
    if (before !== undefined && (before.kind === 'dir' || entry.kind === 'dir')) await removeTree(at);
    if (entry.kind === 'dir') await mkdir(at);
    else await rename(below(partial, entry.path), at);
  }
  for (const entry of have.values()) await removeTree(below(release, entry.path));
  const stamp = Buffer.from('version.json');
  await rename(below(partial, stamp), below(release, stamp));
  await sealTree(release);
}

async function replaceDamaged(base: string, verified: VerifiedRelease): Promise<void> {
  const { hash } = verified;
  const release = releasePath(base, hash);
  if (!(await protectedHashes(base)).has(hash)) {
    await removeDirectory(release);
    return;
  }
  const { entries } = await hashRelease(release);
  await heal(release, partialPath(base, hash), entries, verified.tree.entries);
}

/**
 * Verifies `releases/<hash>.partial`, makes it read-only and durable, and gives it its name. Once more: nothing to do.
 * A damaged release of that name is replaced. Throws ClusterError 'verify-failed' or 'release-invalid' (the partial stays
 * as it is), 'disk', 'not-found' when there is neither.
 */
export async function installPartial(base: string, hash: string, reference?: TreeEntry[]): Promise<Installed> {
  try {
    return await install(base, hash, reference);
  } catch (thrown) {
    throw diskError(thrown, `installing release ${hash.slice(0, 12)}`);
  }
}

async function install(base: string, hash: string, reference?: TreeEntry[]): Promise<Installed> {
  const { releases } = nodePaths(base);
  const partial = partialPath(base, hash);
  const release = releasePath(base, hash);
  const there = await goodRelease(base, hash);
  if (there !== null) {
    await removeTree(partial);
    return { release: there, alreadyThere: true };
  }
  if (!(await isDirectory(partial))) {
    throw new ClusterError('not-found', `release ${hash.slice(0, 12)} has not arrived`, {
      seen: `no ${partial}`,
      wanted: hash,
    });
  }
  const verified = await verifyTree(partial, hash, reference);
  const orders = await Promise.all((await releaseHashes(base)).map((other) => readOrder(base, other)));
  await writeManifest(base, hash, { order: Math.max(0, ...orders) + 1, entries: verified.tree.entries });
  if (await isDirectory(release)) await replaceDamaged(base, verified);
  if (await isDirectory(release)) {
    await removeTree(partial);
    return { release: await verifyRelease(base, hash), alreadyThere: false };
  }
  await sealTree(partial);
  await rename(partial, release);
  await syncDirectory(releases);
  return { release: { ...verified, path: release }, alreadyThere: false };
}

/** Installs the partial; one that is no release is removed, for resuming it would lead nowhere. */
export async function keepOrRemove(base: string, hash: string, reference?: TreeEntry[]): Promise<Installed> {
  try {
    return await installPartial(base, hash, reference);
  } catch (thrown) {
    await removePartialIfBad(base, hash, thrown);
    throw thrown;
  }
}

const hopeless = ['verify-failed', 'release-invalid', 'self-test-failed', 'disk', 'refused'];

/**
 * What failed its verification goes, and so does what is too large or filled the disk: etcd and the daemon need that room more. What a cut
 * connection left stays for the next attempt.
 */
export async function removePartialIfBad(base: string, hash: string, thrown: unknown): Promise<void> {
  if (!(thrown instanceof ClusterError) || !hopeless.includes(thrown.code)) return;
  // Best effort: the failure itself is what the operator must read, not that of tidying up after it.
  await removeTree(partialPath(base, hash)).catch(() => {});
}
