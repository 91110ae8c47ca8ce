/**
 * A base whose `dist/` is still a plain directory gets its first release: `releases/<hash>` and a link to it.
 * A link cannot be renamed over a directory, so for one instant there is no `dist`. The release is complete and the
 * intent is on the platter before that instant, and both this function and the guard finish from there (P2).
 */

import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';
import {
  createDisk,
  type Disk,
  errno,
  quietly,
  readTextOrNull,
  removeDurable,
  renameDurable,
  switchLink,
  writeJsonAtomic,
} from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import { noteCommitted } from '../release/committed.ts';
import { removeTree } from '../release/tree.ts';
import { completeReleases } from '../trial/complete.ts';
import { convertFile, convertingDir } from '../trial/trial-file.ts';

export interface ConvertDeps {
  base: string;
  /** Brings a directory into releases/ as a verified release (src/release/stage.ts). */
  importDirectory(base: string, dir: string): Promise<{ version: { buildHash: string } }>;
  /** Wall clock, for people. Default ''. */
  atIso?: string;
  disk?: Disk;
}

/**
 * Converts if there is something to convert, or finishes what was cut short; returns the hash that `dist` leads to
 * now, or null when there was nothing to do. Throws ClusterError 'release-invalid' or 'verify-failed' when dist/ is no
 * release, 'disk' when the disk refuses: then `dist/` is what it was, and runs as it is.
 */
export async function convertDist(deps: ConvertDeps): Promise<string | null> {
  const { base } = deps;
  const { dist } = nodePaths(base);
  const disk = deps.disk ?? createDisk();
  try {
    const state = stateOf(dist);
    if (state === 'directory') return await convert(deps, disk);
    const resumed = state === 'missing' ? resume(base, disk) : null;
    if (isLink(dist)) await cleanUp(base, disk);
    return resumed;
  } catch (cause) {
    if (cause instanceof ClusterError) throw cause;
    const next = 'make room on the disk, or make it writable, and restart the supervisor';
    throw new ClusterError('disk', 'cannot convert dist/', { seen: errno(cause) || String(cause), next }, cause);
  }
}

function stateOf(path: string): 'directory' | 'missing' | 'other' {
  try {
    return lstatSync(path).isDirectory() ? 'directory' : 'other';
  } catch {
    return 'missing';
  }
}

function isLink(path: string): boolean {
  try {
    return readlinkSync(path) !== '';
  } catch {
    return false;
  }
}

async function convert({ base, importDirectory, atIso = '' }: ConvertDeps, disk: Disk): Promise<string> {
  const { dist } = nodePaths(base);
  const aside = join(base, convertingDir);
  await removeTree(aside);
  const { version } = await importDirectory(base, dist);
  const hash = version.buildHash;
  writeJsonAtomic(join(base, convertFile), { hash }, disk);
  renameDurable(dist, aside, disk);
  try {
    switchLink(dist, join('releases', hash), disk);
    quietly(() => noteCommitted(base, hash, atIso, disk));
  } catch (error) {
    renameDurable(aside, dist, disk);
    throw error;
  }
  await cleanUp(base, disk);
  return hash;
}

/** The instant without dist, found again after a crash: the intent names the release; without it the directory comes back. */
function resume(base: string, disk: Disk): string | null {
  const { dist } = nodePaths(base);
  const hash = intended(base);
  if (hash !== null && completeReleases(base).includes(hash)) {
    switchLink(dist, join('releases', hash), disk);
    return hash;
  }
  if (existsSync(join(base, convertingDir))) renameDurable(join(base, convertingDir), dist, disk);
  return null;
}

function intended(base: string): string | null {
  try {
    const { hash } = JSON.parse(readTextOrNull(join(base, convertFile)) ?? '{}') as { hash?: unknown };
    return isBuildHash(hash) ? hash : null;
  } catch {
    return null;
  }
}

async function cleanUp(base: string, disk: Disk): Promise<void> {
  removeDurable(join(base, convertFile), disk);
  await removeTree(join(base, convertingDir));
}
