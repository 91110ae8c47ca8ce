/**
 * Where this node's releases could be had from, `data/holders.json`: the daemon keeps who ran what when it last looked, for
 * the guard, which asks nobody, to say from where to copy what is missing (P8). By hand and without zod: the guard reads it.
 */
import { dirname, join } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';
import { createDisk, type Disk, readTextOrNull, writeJsonAtomic } from '../base/files.ts';
import { fieldsOf } from './trial-file.ts';

/** Relative to the base. */
const holdersFile = join('data', 'holders.json');

export interface Holder {
  nodeId: string;
  /** host:port of its daemon. */
  address: string;
  /** buildHash that it ran. */
  release: string;
}

/** A file that cannot be read names nobody. Never throws. */
export function readHolders(base: string): Holder[] {
  try {
    const { nodes } = fieldsOf(readTextOrNull(join(base, holdersFile)) ?? '') ?? {};
    if (!Array.isArray(nodes)) return [];
    return nodes.flatMap((one: Partial<Holder> | null) => {
      const { nodeId, address, release } = one ?? {};
      return typeof nodeId === 'string' && typeof address === 'string' && isBuildHash(release)
        ? [{ nodeId, address, release }]
        : [];
    });
  } catch {
    return [];
  }
}

/** Written only when something is new. Throws errno errors. */
export function keepHolders(base: string, nodes: Holder[], disk: Disk = createDisk()): void {
  if (JSON.stringify(readHolders(base)) === JSON.stringify(nodes)) return;
  const path = join(base, holdersFile);
  disk.mkdir(dirname(path));
  writeJsonAtomic(path, { v: 1, nodes }, disk);
}
