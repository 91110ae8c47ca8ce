/** What a node says of releases on its disk that are not whole. */
import { readBootId } from '../base/boot.ts';
import { readLinkHash } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import type { DamageView } from '../ports/agent.ts';
import { type Damage, readDamage } from '../trial/damage-file.ts';
import { readLastLook } from './look.ts';

/** Damage that was seen and may not be on the disk, for a disk that is full takes no mark. */
export interface Unwritten {
  damaged: Damage[];
  /** When it was seen, CLOCK_MONOTONIC of this boot, ms: a later look on the disk knows better. */
  atMs: number;
}

/** Every damaged release that is known; `inUse`: it runs, or would be gone back to. Never throws. */
export function damageOf(base: string, unwritten: Unwritten | null, bootId: string = readBootId()): DamageView[] {
  const last = readLastLook(base, bootId);
  const outdated = unwritten === null || (last !== null && last.atMs >= unwritten.atMs);
  const all = new Map((outdated ? [] : unwritten.damaged).map((one) => [one.release, one]));
  for (const one of readDamage(base)) all.set(one.release, one);
  const { dist, distBak } = nodePaths(base);
  const used = [readLinkHash(dist), readLinkHash(distBak)];
  return [...all.values()].map(({ release, why }) => ({ release, why, inUse: used.includes(release) }));
}

/**
 * Why this node is not healthy for the sake of its own code; '' for nothing. What it runs counts, and what `dist` leads to:
 * a known-good release that rots while another one is on trial is no reason to end that trial.
 */
export function whyDamaged(base: string, running: string, unwritten: Unwritten | null): string {
  const installed = readLinkHash(nodePaths(base).dist);
  const found = damageOf(base, unwritten).find((one) => one.release === running || one.release === installed);
  if (found === undefined) return '';
  const { release, why } = found;
  return `releases/${release.slice(0, 12)} is damaged (${why}): the leader stages it again from another node; by hand: claudecluster node stage ${release} --from NODE`;
}
