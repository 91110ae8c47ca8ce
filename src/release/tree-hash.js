/**
 * The name of a release: SHA-256 over a whole tree. The only implementation; plain JavaScript with Node's own modules,
 * so that scripts/write-version.js stamps with the very code that a node verifies with (P7).
 *
 * Every path is a Buffer: a file name on Linux is bytes, not text.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';
import { lstat, open, readdir, readlink, stat } from 'node:fs/promises';

/** The stamp holds the hash, so it cannot be part of it. Only the one in the root. */
const stamp = Buffer.from('version.json');
const slash = Buffer.from('/');
const filesAtOnce = 8;
const chunkBytes = 256 * 1024;
/** As the kernel: after so many links in one look-up it gives up. */
const linksAtMost = 40;

/** What a release must not hold, or a tree that is none. `code` is ClusterError's. */
export class TreeError extends Error {
  /**
   * @param {string} message
   * @param {{seen?: string, wanted?: string, next?: string}} [detail]
   */
  constructor(message, detail = {}) {
    super(message);
    this.name = 'TreeError';
    this.code = 'release-invalid';
    this.detail = detail;
  }
}

/**
 * A name for people: as it is when it is clean UTF-8, with `\xNN` for every other byte.
 * @param {Buffer} bytes
 */
export function printable(bytes) {
  const text = bytes.toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a terminal
  if (Buffer.from(text, 'utf8').equals(bytes) && !/[\u0000-\u001f\u007f-\u009f]/.test(text)) return text;
  return [...bytes]
    .map((byte) =>
      byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
}

/** @param {Buffer} dir @param {Buffer} name */
const join = (dir, name) => (dir.length === 0 ? name : Buffer.concat([dir, slash, name]));

/** @param {string} name @param {string} seen */
const forbidden = (name, seen) =>
  new TreeError(`a release must not hold ${name}: ${seen}`, {
    seen: `${name}: ${seen}`,
    wanted: 'files, directories, and links that stay inside the release',
    next: `remove ${name} from the build and stamp it again`,
  });

/** What an entry is, or why it is refused. */
function kindOf(stats, name) {
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isDirectory()) {
    // A directory may inherit the set-gid bit from where the release was unpacked; modes of directories are not hashed.
    if (stats.mode & 0o4000) throw forbidden(name, 'set-uid bit');
    return 'dir';
  }
  if (stats.isFile()) {
    if (stats.mode & 0o4000) throw forbidden(name, 'set-uid bit');
    if (stats.mode & 0o2000) throw forbidden(name, 'set-gid bit');
    return 'file';
  }
  if (stats.isFIFO()) throw forbidden(name, 'fifo');
  if (stats.isSocket()) throw forbidden(name, 'socket');
  throw forbidden(name, stats.isBlockDevice() ? 'block device' : 'character device');
}

/** One entry as it is on this disk, at `full`; where a link leads is read by the caller. */
function entryOf(path, full, stats) {
  const kind = kindOf(stats, printable(path));
  return { path, full, kind, mode: stats.mode & 0o7777, size: kind === 'file' ? stats.size : 0, target: null };
}

/** Takes what a directory holds into the list, and its directories into those that are still to be read. */
function collect(found, entries, pending) {
  for (const entry of found) {
    if (entry.path.equals(stamp)) {
      if (entry.kind !== 'file') throw forbidden('version.json', `a ${entry.kind}, not a file`);
      continue;
    }
    entries.push(entry);
    if (entry.kind === 'dir') pending.push(entry.path);
  }
}

const bytes = { encoding: 'buffer' };

/** Every entry below `root`, unsorted. `entry.full` is where it is on this disk. */
async function walk(root) {
  const entries = [];
  const pending = [Buffer.alloc(0)];
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    const names = await readdir(dir.length === 0 ? root : join(root, dir), bytes);
    const found = await Promise.all(
      names.map(async (name) => {
        const path = join(dir, name);
        const full = join(root, path);
        const entry = entryOf(path, full, await lstat(full));
        if (entry.kind === 'link') entry.target = await readlink(full, bytes);
        return entry;
      }),
    );
    collect(found, entries, pending);
  }
  return entries;
}

/** The same, without giving anything else a turn: for the guard. */
function walkSync(root) {
  const entries = [];
  const pending = [Buffer.alloc(0)];
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    const found = readdirSync(dir.length === 0 ? root : join(root, dir), bytes).map((name) => {
      const path = join(dir, name);
      const full = join(root, path);
      const entry = entryOf(path, full, lstatSync(full));
      if (entry.kind === 'link') entry.target = readlinkSync(full, bytes);
      return entry;
    });
    collect(found, entries, pending);
  }
  return entries;
}

/** The components of a path, as latin1 strings: one character for each byte, so that they can be keys of a map. */
const components = (path) => path.toString('latin1').split('/');

/**
 * Follows a link as the kernel would, inside the tree. By the text alone `a/up/../x` looks harmless; it is not when
 * `a/up` is itself a link to `..`.
 */
function leavesTree(link, kinds) {
  let followed = 0;
  const at = components(link.path).slice(0, -1);
  const todo = components(link.target);
  if (link.target[0] === 0x2f) return true;
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.length === 0) return true;
      at.pop();
      continue;
    }
    at.push(part);
    const next = kinds.get(at.join('/'));
    if (next === undefined || next.kind !== 'link') continue;
    followed += 1;
    if (next.target[0] === 0x2f) return true;
    if (followed > linksAtMost) return false; // A circle inside the tree: useless, but it leads nowhere else.
    at.pop();
    todo.unshift(...components(next.target));
  }
  return false;
}

function refuseLinksThatLeave(entries) {
  const links = entries.filter((entry) => entry.kind === 'link');
  if (links.length === 0) return;
  const kinds = new Map(entries.map((entry) => [entry.path.toString('latin1'), entry]));
  for (const link of links) {
    if (!leavesTree(link, kinds)) continue;
    throw forbidden(printable(link.path), `a link that leaves the release (to ${printable(link.target)})`);
  }
}

/** Never follows a link, never waits on a fifo. */
const toRead = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** SHA-256 of one file's content, and how many bytes that was. */
async function digestFile(full, buffer) {
  const file = await open(full, toRead);
  try {
    const hash = createHash('sha256');
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return { digest: hash.digest(), size };
      hash.update(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/** The same, without giving anything else a turn. */
function digestFileSync(full, buffer) {
  const fd = openSync(full, toRead);
  try {
    const hash = createHash('sha256');
    let size = 0;
    for (;;) {
      const bytesRead = readSync(fd, buffer, 0, buffer.length, null);
      if (bytesRead === 0) return { digest: hash.digest(), size };
      hash.update(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
  } finally {
    closeSync(fd);
  }
}

/** Fills in `digest` and `size` of every file, a few at a time. */
async function digestFiles(files) {
  let next = 0;
  const worker = async () => {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let file = files[next++]; file !== undefined; file = files[next++]) {
      Object.assign(file, await digestFile(file.full, buffer));
    }
  };
  await Promise.all(Array.from({ length: Math.min(filesAtOnce, files.length) }, worker));
}

/** Lengths before contents: no two different trees give the same bytes to the hash. */
function addEntry(hash, entry) {
  const head = Buffer.alloc(5);
  head.write({ dir: 'd', file: 'f', link: 'l' }[entry.kind], 0, 'latin1');
  head.writeUInt32BE(entry.path.length, 1);
  hash.update(head).update(entry.path);
  if (entry.kind === 'file') {
    const facts = Buffer.alloc(12);
    facts.writeUInt32BE(entry.mode, 0);
    facts.writeBigUInt64BE(BigInt(entry.size), 4);
    hash.update(facts).update(entry.digest);
  } else if (entry.kind === 'link') {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(entry.target.length, 0);
    hash.update(length).update(entry.target);
  }
}

function refuseNoDirectory(dir, stats) {
  if (stats?.isDirectory()) return;
  throw new TreeError(`${dir} is not a directory`, {
    seen: stats === null ? 'nothing there' : 'a file',
    wanted: 'a build',
  });
}

const isMissing = (cause) => cause.code === 'ENOENT' || cause.code === 'ENOTDIR';

/** What both ways of reading have in common, before the contents are read: the order, and what is refused. */
function inOrder(entries) {
  entries.sort((a, b) => Buffer.compare(a.path, b.path));
  refuseLinksThatLeave(entries);
  return entries;
}

/**
 * And after it: the one hash over all of it, in the order of the paths. For the simulation, too, which has its trees in memory.
 * @param {object[]} entries
 */
export function sum(entries) {
  const hash = createHash('sha256').update('claudecluster tree 1\n');
  let totalBytes = 0;
  for (const entry of entries) {
    addEntry(hash, entry);
    totalBytes += entry.size;
  }
  return {
    hash: hash.digest('hex'),
    totalBytes,
    entries: entries.map(({ path, kind, mode, size, digest, target }) => ({
      path,
      kind,
      mode: kind === 'file' ? mode : 0,
      size,
      content: kind === 'file' ? digest.toString('hex') : kind === 'link' ? target.toString('hex') : '',
    })),
  };
}

/**
 * Hashes the tree below `dir`: every entry's path and kind, a file's mode and content, a link's target; the root's
 * version.json is left out, and so are owners, times and the modes of directories.
 * @param {string} dir
 */
export async function hashTree(dir) {
  const stats = await stat(dir).catch((cause) => {
    if (isMissing(cause)) return null;
    throw cause;
  });
  refuseNoDirectory(dir, stats);
  const entries = inOrder(await walk(Buffer.from(dir)));
  await digestFiles(entries.filter((entry) => entry.kind === 'file'));
  return sum(entries);
}

/**
 * The same hash, read synchronously: for the guard, which has nothing else to do and must not depend on a loop of events.
 * @param {string} dir
 */
export function hashTreeSync(dir) {
  let stats = null;
  try {
    stats = statSync(dir);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
  }
  refuseNoDirectory(dir, stats);
  const entries = inOrder(walkSync(Buffer.from(dir)));
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (const entry of entries) if (entry.kind === 'file') Object.assign(entry, digestFileSync(entry.full, buffer));
  return sum(entries);
}
