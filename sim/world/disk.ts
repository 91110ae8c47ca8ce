/**
 * One host's disk. Every change of a name is volatile until a directory that it touches is fsynced, the text of a file
 * until the file is; a power cut keeps what was synced and, of the rest, some beginning of it, as a journalling file
 * system does.
 */
import type { Random } from './random.ts';

export interface FileNode {
  kind: 'file';
  text: string;
  /** As of the last fsync; null: never. */
  synced: string | null;
}
export interface LinkNode {
  kind: 'link';
  target: string;
}
export interface DirNode {
  kind: 'dir';
  entries: Map<string, DiskNode>;
  /** What a power cut would leave of the names. */
  durable: Map<string, DiskNode>;
  changedMs: number;
  /** Changes that touch it and may not be durable. */
  pending: Pending[];
}
export type DiskNode = FileNode | LinkNode | DirNode;

interface NameChange {
  dir: DirNode;
  name: string;
  node: DiskNode | null;
}

/** One change of names that is not durable yet: all of it survives a power cut, or none. */
interface Pending {
  changes: NameChange[];
  done: boolean;
}

function applyTo(view: 'entries' | 'durable', changes: NameChange[]): void {
  for (const { dir, name, node } of changes) {
    if (node === null) dir[view].delete(name);
    else dir[view].set(name, node);
  }
}

export interface SimDisk {
  root: DirNode;
  /** Grows with every change: what was read at a version is still true at it. */
  version: number;
  full: boolean;
  readOnly: boolean;
  /** The directory and last name of a path inside the host; throws ENOENT. */
  parent(path: string): { dir: DirNode; name: string };
  find(path: string): DiskNode | null;
  setNames(changes: NameChange[], nowMs: number): void;
  sync(dir: DirNode): void;
  /** All that is on the disk is durable: for what was there before the story begins. */
  syncAll(): void;
  powerCut(random: Random): void;
}

export function newDir(): DirNode {
  return { kind: 'dir', entries: new Map(), durable: new Map(), changedMs: 0, pending: [] };
}

/** One error per code, made once: a missing file is the most common answer of all. */
const errors = new Map<string, Error>();

export function errnoError(code: string, _path: string): Error {
  const known = errors.get(code);
  if (known !== undefined) return known;
  const made = Object.assign(new Error(`${code} from the simulated disk`), { code });
  errors.set(code, made);
  return made;
}

/** The names of a path, remembered: the same few are asked for all the time. */
const namesOf = new Map<string, string[]>();

function splitPath(path: string): string[] {
  const known = namesOf.get(path);
  if (known !== undefined) return known;
  const parts: string[] = [];
  for (const part of path.split('/')) if (part !== '' && part !== '.') parts.push(part);
  if (namesOf.size > 2_000) namesOf.clear();
  namesOf.set(path, parts);
  return parts;
}

export function createSimDisk(): SimDisk {
  const root = newDir();
  /** In the order in which they were made; `done` ones are thrown away now and then. */
  let pending: Pending[] = [];
  let doneCount = 0;
  const makeDurable = (one: Pending): void => {
    applyTo('durable', one.changes);
    one.done = true;
    doneCount += 1;
  };

  const forget = (): void => {
    pending = [];
    doneCount = 0;
  };

  /** Follows links on the way (only `dist` and `dist.bak` are links to directories here), not the last name. */
  const walk = (parts: string[], upTo: number, view: 'entries' | 'durable'): DirNode | null => {
    let node: DiskNode = root;
    for (let at = 0; at < upTo; at += 1) {
      if (node.kind !== 'dir') return null;
      let next: DiskNode | undefined = node[view].get(parts[at] as string);
      if (next?.kind === 'link') {
        const target: string[] = splitPath(next.target);
        next = node[view].get(target[0] as string);
        if (target.length > 1 && next?.kind === 'dir') next = next[view].get(target[1] as string);
      }
      if (next === undefined) return null;
      node = next;
    }
    return node.kind === 'dir' ? node : null;
  };

  const disk: SimDisk = {
    root,
    version: 0,
    full: false,
    readOnly: false,
    parent(path) {
      const parts = splitPath(path);
      const name = parts[parts.length - 1];
      const dir = walk(parts, parts.length - 1, 'entries');
      if (dir === null || name === undefined) throw errnoError('ENOENT', path);
      return { dir, name };
    },
    find(path) {
      const parts = splitPath(path);
      if (parts.length === 0) return root;
      const dir = walk(parts, parts.length - 1, 'entries');
      return dir?.entries.get(parts[parts.length - 1] as string) ?? null;
    },
    setNames(changes, nowMs) {
      disk.version += 1;
      applyTo('entries', changes);
      const one: Pending = { changes, done: false };
      pending.push(one);
      for (const { dir } of changes) {
        dir.changedMs = nowMs;
        dir.pending.push(one);
      }
    },
    sync(dir) {
      if (dir.pending.length === 0) return;
      for (const one of dir.pending) if (!one.done) makeDurable(one);
      dir.pending = [];
      if (doneCount < 50) return;
      pending = pending.filter((one) => !one.done);
      doneCount = 0;
    },
    syncAll() {
      for (const one of pending) if (!one.done) makeDurable(one);
      forget();
      const all = (dir: DirNode): void => {
        for (const node of dir.entries.values()) {
          if (node.kind === 'file') node.synced = node.text;
          if (node.kind === 'dir') all(node);
        }
      };
      all(root);
    },
    powerCut(random) {
      disk.version += 1;
      const fate = random.next();
      const open = pending.filter((one) => !one.done);
      const survive = fate < 0.5 ? 0 : fate < 0.7 ? open.length : random.int(0, open.length);
      for (const one of open.slice(0, survive)) makeDurable(one);
      // What did not survive never happened.
      for (const one of open) one.done = true;
      forget();
      const restore = (dir: DirNode): void => {
        dir.entries = new Map(dir.durable);
        for (const node of dir.entries.values()) {
          if (node.kind === 'dir') restore(node);
          if (node.kind === 'file') {
            // A file that was never synced: its blocks may not have reached the disk.
            node.synced ??= random.chance(0.5) ? '' : node.text.slice(0, random.int(0, node.text.length));
            node.text = node.synced;
          }
        }
      };
      restore(root);
    },
  };
  return disk;
}
