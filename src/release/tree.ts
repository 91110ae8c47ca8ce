/** Operations on whole trees whose names are bytes. Nothing here follows a link. */
import { constants } from 'node:fs';
import { chmod, lstat, open, readdir, rmdir, unlink } from 'node:fs/promises';

/** A path below a root, both as bytes. */
export function below(root: string | Buffer, path: Buffer): Buffer {
  const start = Buffer.from(root as string);
  return path.length === 0 ? start : Buffer.concat([start, Buffer.from('/'), path]);
}

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** The entries of a directory as full paths; none when it is not there. */
async function children(dir: Buffer): Promise<Buffer[]> {
  const names = await readdir(dir, { encoding: 'buffer' }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names.map((name) => below(dir, name));
}

/** Removes whatever is at the path, read-only directories too; nothing there is no error. Throws errno errors. */
export async function removeTree(path: string | Buffer): Promise<void> {
  const at = Buffer.from(path as string);
  const stats = await lstat(at).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (stats === null) return;
  if (!stats.isDirectory()) {
    await unlink(at).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    return;
  }
  await chmod(at, 0o700);
  for (const child of await children(at)) await removeTree(child);
  await rmdir(at);
}

/**
 * Prepares a half-received tree for the next attempt: directories can be written again, and files that it shares with a
 * release are let go of, for older builds linked equal files. What is written into one of them would reach into the
 * release (P2, P7).
 */
export async function unshareTree(dir: string | Buffer): Promise<void> {
  const at = Buffer.from(dir as string);
  await chmod(at, 0o755);
  for (const child of await children(at)) {
    const stats = await lstat(child);
    if (stats.isDirectory()) await unshareTree(child);
    else if (stats.nlink > 1) await unlink(child);
  }
}

async function syncPath(path: string | Buffer): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the names in a directory durable. */
export const syncDirectory = syncPath;
/** Makes a file's content durable. */
export const syncFile = syncPath;

const syncsAtOnce = 16;

/** Makes a tree read-only (its directories: 0555; a file's mode is part of the hash) and durable, bottom-up. */
export async function sealTree(dir: string | Buffer): Promise<void> {
  const at = Buffer.from(dir as string);
  const fresh: Buffer[] = [];
  for (const child of await children(at)) {
    const stats = await lstat(child);
    if (stats.isDirectory()) await sealTree(child);
    else if (stats.isFile()) fresh.push(child);
  }
  for (let start = 0; start < fresh.length; start += syncsAtOnce) {
    await Promise.all(fresh.slice(start, start + syncsAtOnce).map(syncPath));
  }
  await chmod(at, 0o555);
  await syncPath(at);
}
