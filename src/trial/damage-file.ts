/**
 * Releases on this disk that are not what their name says, `data/damaged.json`: written by whoever hashed one and found it
 * so (the guard before it goes back, the node's own look), and taken back by the next look that finds it whole. A node
 * whose known-good release stands here is unhealthy and leads nothing (P7). By hand and without zod: the guard writes it.
 */

import { dirname, join } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';
import { createDisk, type Disk, readTextOrNull, removeDurable, writeJsonAtomic } from '../base/files.ts';
import { fieldsOf } from './trial-file.ts';

/** Relative to the base. */
const damageFile = join('data', 'damaged.json');

export interface Damage {
  /** buildHash. */
  release: string;
  /** What is wrong with it, in words. */
  why: string;
  /** Wall clock, for people. */
  at: string;
}

/** Every mark, oldest first; a file that cannot be read has none. Never throws. */
export function readDamage(base: string): Damage[] {
  let text: string | null;
  try {
    text = readTextOrNull(join(base, damageFile));
  } catch {
    return [];
  }
  const { releases } = (text === null ? null : fieldsOf(text)) ?? {};
  if (!Array.isArray(releases)) return [];
  return releases.flatMap((one: Partial<Damage> | null) =>
    isBuildHash(one?.release) ? [{ release: one.release, why: String(one.why ?? ''), at: String(one.at ?? '') }] : [],
  );
}

/** Marks a release, or what is said of it anew. Durable when it returns. Throws errno errors. */
export function markDamaged(base: string, damage: Damage, disk: Disk = createDisk()): void {
  const others = readDamage(base).filter((one) => one.release !== damage.release);
  write(base, [...others, damage], disk);
}

/** Takes a mark back. Throws errno errors. */
export function unmarkDamaged(base: string, release: string, disk: Disk = createDisk()): void {
  const before = readDamage(base);
  const after = before.filter((one) => one.release !== release);
  if (after.length === before.length) return;
  if (after.length === 0) removeDurable(join(base, damageFile), disk);
  else write(base, after, disk);
}

function write(base: string, releases: Damage[], disk: Disk): void {
  const path = join(base, damageFile);
  disk.mkdir(dirname(path));
  writeJsonAtomic(path, { v: 1, releases }, disk);
}
