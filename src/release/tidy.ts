/**
 * Keeps the store in order while nobody works in it: what crashes and cut connections left is removed, and what older
 * builds linked is separated. Partials that somebody fills just now are never touched.
 */
import { lstat, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpName } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { ifUnused } from './partial-lock.ts';
import { diskRoom, shortOfRoom } from './room.ts';
import { type Separated, separateReleases } from './separate.ts';
import { removeTree } from './tree.ts';

/** A partial that was tried less than so long ago is kept, ms: the next try goes on from there. */
const resumableMs = 3_600_000;

/** The present by the clock of the file system: what it says of a file, it can be compared with. Null: it cannot be asked. */
async function nowThereMs(dir: string): Promise<number | null> {
  const probe = tmpName(join(dir, 'now'));
  try {
    await writeFile(probe, '', { flag: 'wx', mode: 0o600 });
    return (await lstat(probe)).ctimeMs;
  } catch {
    return null;
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}

/**
 * Removes releases that are half removed, and trees that are half received and were not tried for `keepYoungerMs` (every
 * try touches the tree's directory; default 0: all of them). What somebody fills just now stays; `unwanted` is a hash that
 * nobody will go on with, however young it is. Returns the names removed. Throws errno errors.
 */
export async function removeStale(base: string, keepYoungerMs = 0, unwanted = ''): Promise<string[]> {
  const { releases } = nodePaths(base);
  const names = await readdir(releases).catch(() => []);
  const found = names.flatMap((name) => {
    const [, hash, kind] = /^([0-9a-f]{64})\.(partial|gone)$/.exec(name) ?? [];
    return hash === undefined ? [] : [{ name, hash, partial: kind === 'partial' }];
  });
  const nowMs = keepYoungerMs === 0 || found.length === 0 ? null : await nowThereMs(releases);
  const removed: string[] = [];
  for (const { name, hash, partial } of found) {
    await ifUnused(base, hash, async () => {
      const path = join(releases, name);
      const triedMs = (await lstat(path).catch(() => null))?.ctimeMs ?? 0;
      const young = nowMs !== null && nowMs - triedMs < keepYoungerMs;
      if (partial && young && hash !== unwanted) return;
      await removeTree(path);
      removed.push(name);
    });
  }
  return removed;
}

export interface TidyOptions {
  /** Bytes that stay free on the disk. Default: 2 GiB, or a tenth of a small disk. */
  reserveBytes?: number | undefined;
}

export interface PurgeOptions extends TidyOptions {
  /** Partials that were tried less than so long ago are kept, ms. Default: an hour. */
  keepYoungerMs?: number | undefined;
  /** As `removeStale` has it. */
  unwanted?: string | undefined;
}

/** `removeStale`, but for what the next try may go on from; with no room left that goes, too. Throws errno errors, 'disk'. */
export async function purgeStale(base: string, options: PurgeOptions = {}): Promise<string[]> {
  const { reserveBytes, keepYoungerMs = resumableMs, unwanted } = options;
  const short = shortOfRoom(await diskRoom(base, reserveBytes), 0) !== null;
  return removeStale(base, short ? 0 : keepYoungerMs, unwanted);
}

/** `separateReleases`, as far as the disk has room beside the reserve. Throws errno errors, 'disk'. */
export async function separateWithinRoom(
  base: string,
  { reserveBytes, signal }: TidyOptions & { signal?: AbortSignal } = {},
): Promise<Separated> {
  const mayWrite = async (bytes: number): Promise<boolean> =>
    shortOfRoom(await diskRoom(base, reserveBytes), bytes) === null;
  return separateReleases(base, { mayWrite, ...(signal === undefined ? {} : { signal }) });
}
