/**
 * The name of a release: SHA-256 over a whole tree. The only implementation; plain JavaScript with Node's own modules,
 * so that scripts/write-version.js stamps with the very code that a node verifies with (P7).
 *
 * Every path is a Buffer: a file name on Linux is bytes, not text.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
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

/** Every entry below `root`, unsorted. `entry.full` is where it is on this disk. */
async function walk(root) {
  const entries = [];
  const pending = [Buffer.alloc(0)];
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    const names = await readdir(dir.length === 0 ? root : join(root, dir), { encoding: 'buffer' });
    const found = await Promise.all(
      names.map(async (name) => {
        const path = join(dir, name);
        const full = join(root, path);
        const stats = await lstat(full);
        const kind = kindOf(stats, printable(path));
        const target = kind === 'link' ? await readlink(full, { encoding: 'buffer' }) : null;
        return { path, full, kind, mode: stats.mode & 0o7777, size: kind === 'file' ? stats.size : 0, target };
      }),
    );
    for (const entry of found) {
      if (entry.path.equals(stamp)) {
        if (entry.kind !== 'file') throw forbidden('version.json', `a ${entry.kind}, not a file`);
        continue;
      }
      entries.push(entry);
      if (entry.kind === 'dir') pending.push(entry.path);
    }
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

/** SHA-256 of one file's content, and how many bytes that was. Never follows a link, never waits on a fifo. */
async function digestFile(full, buffer) {
  const file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
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

/**
 * Hashes the tree below `dir`: every entry's path and kind, a file's mode and content, a link's target; the root's
 * version.json is left out, and so are owners, times and the modes of directories.
 * @param {string} dir
 */
export async function hashTree(dir) {
  const stats = await stat(dir).catch((cause) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null;
    throw cause;
  });
  if (stats === null || !stats.isDirectory()) {
    throw new TreeError(`${dir} is not a directory`, {
      seen: stats === null ? 'nothing there' : 'a file',
      wanted: 'a build',
    });
  }
  const entries = await walk(Buffer.from(dir));
  entries.sort((a, b) => Buffer.compare(a.path, b.path));
  refuseLinksThatLeave(entries);
  await digestFiles(entries.filter((entry) => entry.kind === 'file'));
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
