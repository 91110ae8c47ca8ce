/** The directory of a local cluster: whose it is, and how it was before `dev up` touched it. */
import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, type Stats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errno, quietly } from '../../base/files.ts';
import { ClusterError } from '../../errors.ts';
import type { Context } from '../../front/context.ts';
import { removeTree } from '../../release/tree.ts';
import { devPaths } from './layout.ts';
import { canonical } from './processes.ts';

/** Somebody's directory is not ours to fill. Throws ClusterError 'usage' that says whose it is, and what to do. */
export function refuseForeign(dir: string): void {
  const stat = statOf(dir);
  if (stat === null) return;
  if (!stat.isDirectory()) {
    throw new ClusterError('usage', `${dir} is no directory`, {
      wanted: 'a new or empty directory',
      next: 'give another --dir',
    });
  }
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) {
    throw new ClusterError('usage', `${dir} belongs to another user`, {
      seen: `owner ${stat.uid}, and this is user ${uid}`,
      wanted: 'a directory of your own',
      next: 'give another --dir, or run it as the owner',
    });
  }
  const { marker, making } = devPaths(dir);
  const names = readdirSync(dir);
  if (names.length === 0 || existsSync(marker) || existsSync(making)) return;
  throw new ClusterError('usage', `${dir} is not empty, and no local cluster`, {
    seen: names.slice(0, 5).join(', '),
    wanted: 'a new or empty directory, or one that dev up made',
    next: 'give another --dir',
  });
}

function statOf(dir: string): Stats | null {
  try {
    return lstatSync(dir);
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw new ClusterError(
      'usage',
      `${dir} cannot be looked at`,
      { seen: errno(error), next: 'give another --dir' },
      error,
    );
  }
}

/**
 * Makes the directory if it is not there; returns what takes that back, with all that was put into it since: nothing is
 * left that was not there before. Throws ClusterError 'usage' for somebody else's directory.
 */
export function takePlace(dir: string): () => Promise<void> {
  refuseForeign(dir);
  let made: string | undefined;
  try {
    made = mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    const next = 'give another --dir, in a place where you may write';
    throw new ClusterError('usage', `${dir} cannot be made`, { seen: errno(error), next }, error);
  }
  return async () => {
    await emptyCluster(dir);
    // What was made on the way to it goes too, unless somebody put something there meanwhile.
    for (let at = dir; made !== undefined && at.length >= made.length; at = dirname(at)) quietly(() => rmdirSync(at));
  };
}

/** Removes the directory. What says that it is ours goes last: a removal that was cut short can be made again. */
export async function removeCluster(dir: string, remove = removeTree): Promise<void> {
  await removeParts(dir, remove);
  await remove(dir);
}

async function emptyCluster(dir: string): Promise<void> {
  await removeParts(dir, removeTree);
  const { marker, making } = devPaths(dir);
  for (const path of [marker, making]) await removeTree(path);
}

async function removeParts(dir: string, remove: typeof removeTree): Promise<void> {
  const { marker, making } = devPaths(dir);
  const paths = (await readdir(dir)).map((name) => join(dir, name));
  for (const path of paths) if (path !== marker && path !== making) await remove(path);
}

export function devDir(ctx: Pick<Context, 'cwd'>, given: string | undefined): string {
  return canonical(resolve(ctx.cwd, given ?? '.claudecluster-dev'));
}
