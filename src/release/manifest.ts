/**
 * What a release held when it was installed, in data/manifests: the order of the installs, and which file differs should
 * the tree ever not be what its name says. A convenience beside the tree: without it a release is as good as before.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nodePaths } from '../base/paths.ts';
import type { TreeEntry } from './hash.ts';

export interface Manifest {
  /** Grows with every install of this node: newer releases have greater numbers, whatever the wall clock said. */
  order: number;
  entries: TreeEntry[];
}

type Row = [pathHex: string, kind: TreeEntry['kind'], mode: number, size: number, content: string];

const manifestFile = (base: string, hash: string): string => join(nodePaths(base).data, 'manifests', `${hash}.json`);

function parseManifest(text: string): Manifest | null {
  try {
    const { order, entries } = JSON.parse(text) as { order: number; entries: Row[] };
    if (!Number.isSafeInteger(order)) return null;
    return {
      order,
      entries: entries.map(([path, kind, mode, size, content]) => ({
        path: Buffer.from(path, 'hex'),
        kind,
        mode,
        size,
        content,
      })),
    };
  } catch {
    return null; // Truncated or garbage: as good as none.
  }
}

/** The manifest of a release; null when there is none that can be read. */
export async function readManifest(base: string, hash: string): Promise<Manifest | null> {
  const text = await readFile(manifestFile(base, hash), 'utf8').catch(() => null);
  return text === null ? null : parseManifest(text);
}

/** Only the order, from the first bytes: a list of releases needs no more. 0 when there is no manifest. */
export async function readOrder(base: string, hash: string): Promise<number> {
  const handle = await open(manifestFile(base, hash)).catch(() => null);
  if (handle === null) return 0;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(40), 0, 40, 0);
    const order = /^\{"order":(\d{1,15}),/.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
    return order === undefined ? 0 : Number(order);
  } catch {
    return 0;
  } finally {
    await handle.close();
  }
}

/** Writes it whole or not at all. Throws errno errors. */
export async function writeManifest(base: string, hash: string, manifest: Manifest): Promise<void> {
  const file = manifestFile(base, hash);
  await mkdir(join(file, '..'), { recursive: true });
  const rows = manifest.entries.map(
    (entry): Row => [entry.path.toString('hex'), entry.kind, entry.mode, entry.size, entry.content],
  );
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify({ order: manifest.order, entries: rows }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

export async function removeManifest(base: string, hash: string): Promise<void> {
  await rm(manifestFile(base, hash), { force: true });
}
