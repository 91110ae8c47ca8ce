/** Takes releases out of the store. What a node runs, or may have to go back to, is out of its reach (P2). */
import { readFile, readlink, rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';
import { nodePaths } from '../base/paths.ts';
import { committedHere } from './committed.ts';
import { removeManifest } from './manifest.ts';
import { hashesByInstall, releaseHashes, releasePath } from './store.ts';
import { removeTree, syncDirectory } from './tree.ts';

const hashes = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g;

/**
 * Every release that dist, dist.bak, a trial or a probation names. Of such a file every hash counts, wherever it stands in it: a
 * file that cannot be parsed protects as well as one that can.
 */
export async function protectedHashes(base: string): Promise<Set<string>> {
  const { dist, distBak, trial, trialEnding, probation, probationEnding } = nodePaths(base);
  const links = await Promise.all([dist, distBak].map((link) => readlink(link).catch(() => '')));
  const files = [trial, trialEnding, probation, probationEnding];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return new Set([
    ...links.map((link) => basename(link)).filter(isBuildHash),
    ...texts.flatMap((text) => text.match(hashes) ?? []),
  ]);
}

/** One rename and it is no release any more; a removal cut off in the middle leaves something that `removeStale` (tidy.ts) ends. */
export async function removeDirectory(release: string): Promise<void> {
  const gone = `${release}.gone`;
  await removeTree(gone);
  await rename(release, gone);
  await removeTree(gone);
}

/**
 * Keeps the `keep` releases that were installed last, beside those in use and those in `protect`, and removes the others.
 * Returns the hashes removed. Throws errno errors.
 */
export async function prune(base: string, keep: number, protect: Iterable<string> = []): Promise<string[]> {
  const inUse = await protectedHashes(base);
  // One more that was committed here: the guard's way out where the known-good one turns out not to be whole (P7).
  const there = await releaseHashes(base);
  const spare = committedHere(base).find((hash) => !inUse.has(hash) && there.includes(hash));
  if (spare !== undefined) inUse.add(spare);
  for (const hash of protect) inUse.add(hash);
  const removable = (await hashesByInstall(base)).filter((hash) => !inUse.has(hash)).slice(Math.max(0, keep));
  for (const hash of removable) {
    await removeDirectory(releasePath(base, hash));
    await removeManifest(base, hash);
  }
  if (removable.length > 0) await syncDirectory(nodePaths(base).releases);
  return removable;
}
