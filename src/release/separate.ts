/**
 * Gives every file of the store an inode of its own. Builds up to 0.1.0 linked equal files of releases: what a build
 * wrote into its own guard.js, it wrote into the known-good release as well (P7). Each file is copied beside the
 * releases and renamed over itself, so that every release is complete at any instant (P2).
 */
import { constants, type Stats } from 'node:fs';
import { chmod, copyFile, lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeStrayTmp, tmpName } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { ifUnused } from './partial-lock.ts';
import { protectedHashes } from './prune.ts';
import { hashesByInstall, isDirectory, releasePath } from './store.ts';
import { below, syncDirectory, syncFile } from './tree.ts';

export interface SeparateOptions {
  /** Is there room on the disk for so many bytes more? */
  mayWrite(bytes: number): Promise<boolean>;
  signal?: AbortSignal;
}

export interface Separated {
  /** Files that have an inode of their own now. */
  separated: number;
  /** Those that still share one, for want of room. */
  left: { files: number; bytes: number };
}

/** A copy with an inode of its own (and the same blocks, where the file system can share them) takes the file's name. */
async function replaceByCopy(file: Buffer, releases: string, seen: Stats): Promise<void> {
  const copy = tmpName(join(releases, 'own'));
  try {
    await copyFile(file, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await chmod(copy, seen.mode & 0o7777);
    await syncFile(copy);
    await rename(copy, file);
  } catch (thrown) {
    await rm(copy, { force: true });
    throw thrown;
  }
}

const writable = 0o222;

/**
 * Separates what the releases on the disk share; one that is being put together is left for the next time. Once more:
 * nothing to do. Cut off at any point, it goes on from there. Throws errno errors.
 */
export async function separateReleases(base: string, options: SeparateOptions): Promise<Separated> {
  const { releases } = nodePaths(base);
  const result: Separated = { separated: 0, left: { files: 0, bytes: 0 } };
  removeStrayTmp(releases);

  const separateFile = async (file: Buffer, stats: Stats): Promise<void> => {
    if (await options.mayWrite(stats.size)) {
      await replaceByCopy(file, releases, stats);
      result.separated += 1;
    } else {
      result.left.files += 1;
      result.left.bytes += stats.size;
    }
  };

  const walk = async (dir: Buffer): Promise<void> => {
    if (options.signal?.aborted) return;
    const shared: { file: Buffer; stats: Stats }[] = [];
    for (const name of await readdir(dir, { encoding: 'buffer' })) {
      const file = below(dir, name);
      const stats = await lstat(file);
      if (stats.isDirectory()) await walk(file);
      else if (stats.isFile() && stats.nlink > 1) shared.push({ file, stats });
    }
    const { mode } = await lstat(dir);
    if (shared.length > 0) await chmod(dir, 0o755);
    for (const { file, stats } of shared) if (!options.signal?.aborted) await separateFile(file, stats);
    if (shared.length === 0 && (mode & writable) === 0) return;
    await chmod(dir, 0o555);
    await syncDirectory(dir);
  };

  // What runs comes last: by then most of its files are the only one left of their inode, and stay as they are.
  const inUse = await protectedHashes(base);
  const hashes = (await hashesByInstall(base)).sort((one, two) => Number(inUse.has(one)) - Number(inUse.has(two)));
  for (const hash of hashes) {
    const release = releasePath(base, hash);
    await ifUnused(base, hash, () => walk(Buffer.from(release))).catch(async (thrown: unknown) => {
      // Pruned meanwhile: nothing is left to be separated.
      if (await isDirectory(release)) throw thrown;
    });
  }
  return result;
}
