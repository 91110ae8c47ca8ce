/**
 * Which releases were committed on this node, `data/committed.json`: what a way back may lead to when the known-good
 * release is not whole any more. Builds that know no such file leave it alone; where it is not there, only what `dist` and
 * `dist.bak` name counts. Node's builtins only, for the guard reads it.
 */
import { dirname, join } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';
import { createDisk, type Disk, readTextOrNull, writeJsonAtomic } from '../base/files.ts';

/** Relative to the base. */
export const committedFile = join('data', 'committed.json');

interface Committed {
  hash: string;
  /** Wall clock, for people. */
  at: string;
}

/** More than any node keeps on its disk. */
const entriesMost = 32;

/** The list in this text, the last commit at its end; [] for what is none. */
function parseCommitted(text: string | null): Committed[] {
  try {
    const { releases } = JSON.parse(text ?? '{}') as { releases?: unknown };
    if (!Array.isArray(releases)) return [];
    return releases.flatMap((one: { hash?: unknown; at?: unknown } | null) =>
      typeof one?.hash === 'string' && isBuildHash(one.hash) ? [{ hash: one.hash, at: String(one.at ?? '') }] : [],
    );
  } catch {
    return [];
  }
}

function read(base: string): Committed[] {
  try {
    return parseCommitted(readTextOrNull(join(base, committedFile)));
  } catch {
    return [];
  }
}

/** Hashes of what was committed here, the last one first. Never throws: a list that cannot be read is none. */
export function committedHere(base: string): string[] {
  return read(base)
    .map((one) => one.hash)
    .toReversed();
}

function write(base: string, releases: Committed[], disk: Disk): void {
  const path = join(base, committedFile);
  disk.mkdir(dirname(path));
  writeJsonAtomic(path, { v: 1, releases: releases.slice(-entriesMost) }, disk);
}

/** Puts a release at the end of the list, where it is not there already. Durable when it returns. Throws errno errors. */
export function noteCommitted(base: string, hash: string, at: string, disk: Disk = createDisk()): void {
  const before = read(base);
  if (before.at(-1)?.hash === hash) return;
  write(base, [...before.filter((one) => one.hash !== hash), { hash, at }], disk);
}

/** A release that could not stay up after its commit is none to go back to. Throws errno errors. */
export function forgetCommitted(base: string, hash: string, disk: Disk = createDisk()): void {
  const before = read(base);
  const after = before.filter((one) => one.hash !== hash);
  if (after.length < before.length) write(base, after, disk);
}
