/**
 * The few disk writes on which P2 and P3 stand: each a single atomic step, each on the platter before the next one.
 * Synchronous and free of dependencies, for the guard uses them. Every change goes through a `Disk`, so that a test
 * can stop the process, or fail the disk, right before any one of them.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What changes a disk, one system call's worth each. Everything throws Node's own errno errors. */
export interface Disk {
  symlink(target: string, path: string): void;
  link(existing: string, path: string): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Creates the file (it must not exist), writes it whole and fsyncs it. */
  create(path: string, text: string, mode: number): void;
  mkdir(path: string): void;
  fsyncDir(path: string): void;
}

/** Called before each change with its name and path; what it throws is what the change throws. */
export type DiskHook = (change: keyof Disk, path: string) => void;

/** The real disk. `before` lets a test crash or fail at any one change. */
export function createDisk(before: DiskHook = () => {}): Disk {
  return {
    symlink(target, path) {
      before('symlink', path);
      symlinkSync(target, path);
    },
    link(existing, path) {
      before('link', path);
      linkSync(existing, path);
    },
    rename(from, to) {
      before('rename', to);
      renameSync(from, to);
    },
    unlink(path) {
      before('unlink', path);
      unlinkSync(path);
    },
    create(path, text, mode) {
      before('create', path);
      createSynced(path, text, mode);
    },
    mkdir(path) {
      before('mkdir', path);
      mkdirSync(path, { recursive: true, mode: 0o700 });
    },
    fsyncDir(path) {
      before('fsyncDir', path);
      fsyncDirectory(path);
    },
  };
}

function createSynced(path: string, text: string, mode: number): void {
  const fd = openSync(path, 'wx', mode);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function fsyncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems know no fsync of a directory; there the rename itself is all that one can have.
    if (errno(error) !== 'EINVAL') throw error;
  } finally {
    closeSync(fd);
  }
}

/** The errno name of a thrown value ('ENOENT', …), or '' when it has none. */
export function errno(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** `.dist.tmp-<pid>-<ns>`: unique on this host, and the pid tells whether its maker still lives. */
export function tmpName(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp-${process.pid}-${process.hrtime.bigint().toString(36)}`);
}

/**
 * Makes `linkPath` a symlink to `target`, whatever symlink was there, in one rename: a reader finds the old or the new
 * one, never none (P2). Durable when it returns. Throws EISDIR or the like when a real directory is in the way.
 */
export function switchLink(linkPath: string, target: string, disk: Disk = createDisk()): void {
  const tmp = tmpName(linkPath);
  disk.symlink(target, tmp);
  moveIntoPlace(tmp, linkPath, disk);
}

/** Replaces a file by its new text: tmp, fsync, rename, fsync of the directory. Readers see all of the old or all of the new. */
function writeTextAtomic(path: string, text: string, disk: Disk = createDisk(), mode = 0o600): void {
  const tmp = tmpName(path);
  try {
    disk.create(tmp, text, mode);
  } catch (error) {
    quietly(() => unlinkSync(tmp));
    throw error;
  }
  moveIntoPlace(tmp, path, disk);
}

/** `writeTextAtomic` of a value as JSON with a final newline. */
export function writeJsonAtomic(path: string, value: unknown, disk: Disk = createDisk(), mode = 0o600): void {
  writeTextAtomic(path, `${JSON.stringify(value)}\n`, disk, mode);
}

function moveIntoPlace(tmp: string, path: string, disk: Disk): void {
  try {
    disk.rename(tmp, path);
  } catch (error) {
    quietly(() => unlinkSync(tmp));
    throw error;
  }
  disk.fsyncDir(dirname(path));
}

/** Moves a name within one file system, durable when it returns. */
export function renameDurable(from: string, to: string, disk: Disk = createDisk()): void {
  disk.rename(from, to);
  disk.fsyncDir(dirname(to));
  if (dirname(from) !== dirname(to)) disk.fsyncDir(dirname(from));
}

/** Removes a file or link, durable when it returns. True when it was there. */
export function removeDurable(path: string, disk: Disk = createDisk()): boolean {
  try {
    disk.unlink(path);
  } catch (error) {
    if (errno(error) === 'ENOENT') return false;
    throw error;
  }
  disk.fsyncDir(dirname(path));
  return true;
}

/** A release directory's name from a link's target: `releases/<64 hex>` and nothing else. */
export function hashOfTarget(target: string): string | null {
  return /^(?:\.\/)?releases\/([0-9a-f]{64})\/?$/.exec(target)?.[1] ?? null;
}

/** The buildHash that a link points to, or null: no link, or not to `releases/<hash>`. Says nothing about whether it is there. */
export function readLinkHash(path: string): string | null {
  try {
    return hashOfTarget(readlinkSync(path));
  } catch {
    return null;
  }
}

/** A file's text, or null when there is none. Other errors are thrown. */
export function readTextOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return null;
    throw error;
  }
}

/** Removes what a crash left between making a temporary name and moving it into place. Keeps those of living processes. */
export function removeStrayTmp(dir: string): void {
  quietly(() => {
    for (const name of readdirSync(dir)) {
      const pid = /^\..+\.tmp-(\d+)-[0-9a-z]+$/.exec(name)?.[1];
      if (pid !== undefined && !isAlive(Number(pid))) quietly(() => unlinkSync(join(dir, name)));
    }
  });
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errno(error) !== 'ESRCH';
  }
}

/** Makes a file private to its owner; best effort. */
export function restrict(path: string): void {
  quietly(() => chmodSync(path, 0o600));
}

/** Runs something whose failure changes nothing. */
export function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // By contract: the caller goes on either way.
  }
}
