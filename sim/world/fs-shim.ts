/**
 * What the bundle gives src/ in the place of `node:fs`: the disk of the host that the path names (`/n1/…`). Each change
 * is announced first, so that a fault can end the process, or the host, right before it.
 */
import { type DirNode, type DiskNode, errnoError, type FileNode, newDir, type SimDisk } from './disk.ts';

/** The world's side of a file system call. */
export interface FsTarget {
  diskOf(hostId: string): SimDisk;
  nowMs(): number;
  /** /proc of the host of the process that acts; null: no such file. */
  proc(path: string): string | null;
  procNames(): string[];
  /** Before a change; throws what the change is to throw. */
  before(hostId: string, change: string, path: string): void;
  afterChange(hostId: string, change: string, path: string): void;
}

interface Place {
  host: string;
  path: string;
  disk: SimDisk;
  /** What was found there, at which version of the disk. */
  node: DiskNode | null;
  version: number;
}

/** Places of this run, remembered: the same few are asked for all the time. */
const places = new Map<string, Place>();

function place(name: string | Uint8Array): Place {
  const full = typeof name === 'string' ? name : name.toString();
  const known = places.get(full);
  if (known !== undefined) return known;
  const end = full.indexOf('/', 1);
  const host = end < 0 ? full.slice(1) : full.slice(1, end);
  const disk = globalThis.simFs.diskOf(host);
  const made = { host, path: end < 0 ? '/' : full.slice(end), disk, node: null, version: -1 };
  if (places.size > 1_000) places.clear();
  places.set(full, made);
  return made;
}

/** The same until a name changes. */
function find(at: Place): DiskNode | null {
  const { disk } = at;
  if (globalThis.simExact) return disk.find(at.path);
  if (at.version !== disk.version) {
    at.node = disk.find(at.path);
    at.version = disk.version;
  }
  return at.node;
}

function change(at: Place, what: string, grows: boolean, act: () => void): void {
  globalThis.simFs.before(at.host, what, at.path);
  if (at.disk.readOnly) throw errnoError('EROFS', at.path);
  if (grows && at.disk.full) throw errnoError('ENOSPC', at.path);
  act();
  globalThis.simFs.afterChange(at.host, what, at.path);
}

function set(at: Place, dir: DirNode, name: string, node: DiskNode | null): void {
  at.disk.setNames([{ dir, name, node }], globalThis.simFs.nowMs());
}

/** Without the cost of a thrown error: most files that src/ asks for are not there. */
globalThis.simReadText = (path) => {
  const at = place(path);
  const node = find(at);
  if (node === null) return null;
  return node.kind === 'file' ? node.text : readFileSync(path);
};
globalThis.simReadLink = (path) => {
  const node = find(place(path));
  return node?.kind === 'link' ? node.target : null;
};
globalThis.simTreeText = (path) => {
  const node = find(place(path));
  return node?.kind === 'dir' ? treeText(node) : null;
};

/** Two trees that differ in anything have different texts. */
function treeText({ entries }: DirNode): string {
  let text = `${entries.size}`;
  for (const [name, node] of entries) {
    const held = node.kind === 'file' ? node.text : node.kind === 'link' ? node.target : treeText(node);
    text += ` ${name.length}:${name} ${node.kind} ${held.length}:${held}`;
  }
  return text;
}

const answers = new WeakMap<SimDisk, { version: number; of: Map<string, unknown> }>();
globalThis.simOfDisk = (base, what, read) => {
  const { disk } = place(base);
  let known = answers.get(disk);
  if (known?.version !== disk.version) {
    known = { version: disk.version, of: new Map() };
    answers.set(disk, known);
  }
  let answer = known.of.get(what);
  if (answer === undefined) {
    answer = Object.freeze(read(base));
    known.of.set(what, answer);
  }
  return answer as ReturnType<typeof read>;
};
globalThis.simWriteText = (fd, text) => {
  const { at, node } = opened(fd);
  if (node.kind !== 'file') throw errnoError('EISDIR', at.path);
  append(at, node, text);
};

function must(at: Place): DiskNode {
  const node = find(at);
  if (node === null) throw errnoError('ENOENT', at.path);
  return node;
}

function follow(at: Place): DiskNode {
  const node = must(at);
  if (node.kind !== 'link') return node;
  const up = at.path.slice(0, at.path.lastIndexOf('/'));
  const target = at.disk.find(`${up}/${node.target}`);
  if (target === null) throw errnoError('ENOENT', at.path);
  return target;
}

class Stats {
  private readonly node: DiskNode;
  constructor(node: DiskNode) {
    this.node = node;
  }
  isFile(): boolean {
    return this.node.kind === 'file';
  }
  isDirectory(): boolean {
    return this.node.kind === 'dir';
  }
  isSymbolicLink(): boolean {
    return this.node.kind === 'link';
  }
  get mode(): number {
    return 0o644;
  }
  get mtimeMs(): number {
    return this.node.kind === 'dir' ? this.node.changedMs : 0;
  }
  get ctimeMs(): number {
    return this.mtimeMs;
  }
  get size(): number {
    return this.node.kind === 'file' ? this.node.text.length : 0;
  }
}

const statsOf = (node: DiskNode): Stats => new Stats(node);

export const existsSync = (path: string): boolean => {
  const at = place(path);
  const node = find(at);
  if (node?.kind !== 'link') return node !== null;
  return at.disk.find(`${at.path.slice(0, at.path.lastIndexOf('/'))}/${node.target}`) !== null;
};
export const lstatSync = (path: string | Uint8Array): Stats => statsOf(must(place(path)));
export const statSync = (path: string | Uint8Array): Stats => statsOf(follow(place(path)));

export function readFileSync(path: string): string {
  if (path.startsWith('/proc/')) {
    const text = globalThis.simFs.proc(path);
    if (text === null) throw errnoError('ENOENT', path);
    return text;
  }
  const node = follow(place(path));
  if (node.kind !== 'file') throw errnoError('EISDIR', path);
  return node.text;
}

export function readlinkSync(path: string): string {
  const node = must(place(path));
  if (node.kind !== 'link') throw errnoError('EINVAL', path);
  return node.target;
}

/** Of these nothing is different here. */
export const constants = { O_RDONLY: 0, O_NOFOLLOW: 0, O_NONBLOCK: 0 };

export function readdirSync(path: string | Uint8Array, as: { encoding?: 'buffer' } = {}): (string | Uint8Array)[] {
  if (path === '/proc') return globalThis.simFs.procNames();
  const node = follow(place(path));
  if (node.kind !== 'dir') throw errnoError('ENOTDIR', String(path));
  const names = [...node.entries.keys()];
  return as.encoding === 'buffer' ? names.map((name) => Buffer.from(name)) : names;
}

export function mkdirSync(path: string): void {
  const at = place(path);
  if (find(at) !== null) return;
  const { dir, name } = at.disk.parent(at.path);
  change(at, 'mkdir', true, () => set(at, dir, name, newDir()));
}

export function symlinkSync(target: string, path: string): void {
  const at = place(path);
  const { dir, name } = at.disk.parent(at.path);
  if (dir.entries.has(name)) throw errnoError('EEXIST', path);
  change(at, 'symlink', true, () => set(at, dir, name, { kind: 'link', target }));
}

export function linkSync(existing: string, path: string): void {
  const at = place(path);
  const node = must(place(existing));
  const { dir, name } = at.disk.parent(at.path);
  if (dir.entries.has(name)) throw errnoError('EEXIST', path);
  change(at, 'link', false, () => set(at, dir, name, node));
}

export function renameSync(from: string, to: string): void {
  const at = place(to);
  const source = place(from);
  change(at, 'rename', false, () => {
    const node = must(source);
    const old = source.disk.parent(source.path);
    const fresh = at.disk.parent(at.path);
    if (fresh.dir.entries.get(fresh.name)?.kind === 'dir' && node.kind !== 'dir') throw errnoError('EISDIR', to);
    const names = [
      { dir: old.dir, name: old.name, node: null },
      { dir: fresh.dir, name: fresh.name, node },
    ];
    at.disk.setNames(names, globalThis.simFs.nowMs());
  });
}

export function unlinkSync(path: string): void {
  const at = place(path);
  const node = must(at);
  if (node.kind === 'dir') throw errnoError('EISDIR', path);
  const { dir, name } = at.disk.parent(at.path);
  change(at, 'unlink', false, () => set(at, dir, name, null));
}

/** Not in node:fs: removes a whole directory, for the simulated staging and pruning. */
export function removeDir(path: string): void {
  const at = place(path);
  if (find(at) === null) return;
  const { dir, name } = at.disk.parent(at.path);
  change(at, 'rmdir', false, () => set(at, dir, name, null));
}

// ---------------------------------------------------------------------------------------------- open files

interface Open {
  at: Place;
  node: FileNode | DirNode;
  /** Where the next read without a position begins. */
  next: number;
}
const open = new Map<number, Open>();
let lastFd = 10;

/** Before each run: what one seed left open is nothing to the next. */
export function closeAll(): void {
  open.clear();
  places.clear();
  lastFd = 10;
}

export function openSync(path: string | Uint8Array, flags: string | number = 'r'): number {
  const at = place(path);
  if (typeof flags === 'string' && flags.startsWith('w')) {
    const { dir, name } = at.disk.parent(at.path);
    if (flags.includes('x') && dir.entries.has(name)) throw errnoError('EEXIST', String(path));
    change(at, 'create', true, () => set(at, dir, name, { kind: 'file', text: '', synced: null }));
  }
  const node = follow(at);
  if (node.kind === 'link') throw errnoError('EINVAL', String(path));
  lastFd += 1;
  open.set(lastFd, { at, node, next: 0 });
  return lastFd;
}

function opened(fd: number): Open {
  const found = open.get(fd);
  if (found === undefined) throw errnoError('EBADF', String(fd));
  return found;
}

export function writeSync(fd: number, bytes: Uint8Array, from = 0): number {
  const { at, node } = opened(fd);
  if (node.kind !== 'file') throw errnoError('EISDIR', at.path);
  append(at, node, Buffer.from(bytes.subarray(from)).toString());
  return bytes.length - from;
}

function append(at: Place, node: FileNode, text: string): void {
  change(at, 'write', true, () => {
    at.disk.version += 1;
    node.text += text;
  });
}

export function fsyncSync(fd: number): void {
  const { at, node } = opened(fd);
  globalThis.simFs.before(at.host, 'fsync', at.path);
  if (node.kind === 'dir') at.disk.sync(node);
  else node.synced = node.text;
  globalThis.simFs.afterChange(at.host, 'fsync', at.path);
}

export const closeSync = (fd: number): void => void open.delete(fd);
export const fstatSync = (fd: number): Stats => statsOf(opened(fd).node);
export const chmodSync = (): void => undefined;

export function readSync(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number | null,
): number {
  const file = opened(fd);
  const bytes = Buffer.from(file.node.kind === 'file' ? file.node.text : '');
  const from = position ?? file.next;
  const read = bytes.copy(buffer, offset, from, from + length);
  if (position === null) file.next += read;
  return read;
}

// ---------------------------------------------------------------------------------------------- whole files

export function writeFileSync(path: string, text: string): void {
  const fd = openSync(path, 'w');
  try {
    globalThis.simWriteText(fd, text);
  } finally {
    closeSync(fd);
  }
}

export const copyFileSync = (from: string, to: string): void => writeFileSync(to, readFileSync(from));

export function rmSync(path: string, options: { force?: boolean } = {}): void {
  const at = place(path);
  const node = find(at);
  if (node?.kind === 'dir') {
    removeDir(path);
    return;
  }
  if (node !== null) {
    unlinkSync(path);
    return;
  }
  if (options.force !== true) throw errnoError('ENOENT', path);
}

export const accessSync = (path: string): void => void follow(place(path));
