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
}
export type DiskNode = FileNode | LinkNode | DirNode;

/** One change of names: all of it survives a power cut, or none. */
interface Pending {
  dirs: DirNode[];
  apply(): void;
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
  setNames(changes: { dir: DirNode; name: string; node: DiskNode | null }[], nowMs: number): void;
  sync(dir: DirNode): void;
  /** All that is on the disk is durable: for what was there before the story begins. */
  syncAll(): void;
  powerCut(random: Random): void;
}

export function newDir(): DirNode {
  return { kind: 'dir', entries: new Map(), durable: new Map(), changedMs: 0 };
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

function splitPath(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) if (part !== '' && part !== '.') parts.push(part);
  return parts;
}

export function createSimDisk(): SimDisk {
  const root = newDir();
  let pending: Pending[] = [];

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
      for (const { dir, name, node } of changes) {
        dir.changedMs = nowMs;
        if (node === null) dir.entries.delete(name);
        else dir.entries.set(name, node);
      }
      const apply = (): void => {
        for (const { dir, name, node } of changes) {
          if (node === null) dir.durable.delete(name);
          else dir.durable.set(name, node);
        }
      };
      pending.push({ dirs: changes.map((one) => one.dir), apply });
    },
    sync(dir) {
      if (pending.length === 0) return;
      const kept: Pending[] = [];
      for (const one of pending) {
        if (one.dirs.includes(dir)) one.apply();
        else kept.push(one);
      }
      pending = kept;
    },
    syncAll() {
      for (const one of pending) one.apply();
      pending = [];
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
      const survive = fate < 0.5 ? 0 : fate < 0.7 ? pending.length : random.int(0, pending.length);
      for (const one of pending.slice(0, survive)) one.apply();
      pending = [];
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
