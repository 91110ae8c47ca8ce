/** The disk side of a trial's beginning, and of taking it back when the rest of the activation fails. */
import { dirname, join } from 'node:path';
import {
  type Disk,
  errno,
  quietly,
  readLinkHash,
  removeDurable,
  renameDurable,
  switchLink,
  writeJsonAtomic,
} from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import type { Trial } from './trial-file.ts';

/** The limits of a trial. */
export interface TrialOptions {
  /** From the activation to the commit, ms. Default 120,000. */
  trialMs: number;
  /** From the activation to healthy, ms. Default 60,000. */
  healthTimeoutMs: number;
  /** Starts of the release. Default 3. */
  bootsMax: number;
}

/** Longest trial that is taken: a day. */
const longestMs = 86_400_000;

/** Fills in the defaults. Throws ClusterError 'usage' for limits that cannot work together. */
export function trialOptions(given: Partial<TrialOptions>): TrialOptions {
  const trialMs = given.trialMs ?? 120_000;
  const healthTimeoutMs = given.healthTimeoutMs ?? Math.min(60_000, trialMs);
  const bootsMax = given.bootsMax ?? 3;
  inRange('the trial', trialMs, longestMs, 'ms');
  inRange('the time to become healthy', healthTimeoutMs, longestMs, 'ms');
  inRange('the number of starts', bootsMax, 100, 'starts');
  if (healthTimeoutMs > trialMs) {
    throw new ClusterError('usage', 'the trial ends before the time to become healthy', {
      seen: `trial ${trialMs} ms, healthy ${healthTimeoutMs} ms`,
      wanted: 'a trial at least as long as the time to become healthy',
      next: 'give --trial a longer time',
    });
  }
  return { trialMs, healthTimeoutMs, bootsMax };
}

function inRange(what: string, value: number, max: number, unit: string): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return;
  throw new ClusterError('usage', `${what}: ${value} ${unit}`, { wanted: `a whole number from 1 to ${max}` });
}

/** dist.bak first, then the trial: on the platter before anything is switched (P3). Throws ClusterError 'disk', and leaves nothing. */
export function armTrial(base: string, trial: Trial, disk: Disk): void {
  const paths = nodePaths(base);
  try {
    // Made now, so that a rollback on a full disk finds a place to move its evidence to.
    for (const dir of [paths.data, paths.run, paths.log]) disk.mkdir(dir);
    disk.fsyncDir(dirname(paths.data));
    switchLink(paths.distBak, join('releases', trial.knownGood), disk);
    writeJsonAtomic(paths.trial, trial, disk);
  } catch (cause) {
    quietly(() => removeDurable(paths.trial, disk));
    quietly(() => removeDurable(paths.distBak, disk));
    const next = 'make room on the disk, or make it writable; the node runs what it ran';
    throw new ClusterError('disk', 'cannot write the trial', { seen: errno(cause) || String(cause), next }, cause);
  }
}

/** The one rename after which the release on trial is what starts (P2). Throws ClusterError 'disk'. */
export function switchTo(base: string, release: string, disk: Disk): void {
  const { dist, releases } = nodePaths(base);
  try {
    // A staging that was killed right after it named the release left the name to chance, and the next one found it there.
    disk.fsyncDir(releases);
    switchLink(dist, join('releases', release), disk);
  } catch (cause) {
    throw new ClusterError('disk', 'cannot switch dist', { seen: errno(cause) || String(cause) }, cause);
  }
}

/**
 * Takes a trial back that never ran. First dist, then the trial: cut short in between, it is a trial that never
 * switched. What fails here the guard does at the next start.
 */
export function disarm(base: string, trial: Trial, disk: Disk): void {
  const paths = nodePaths(base);
  try {
    if (readLinkHash(paths.dist) === trial.release) renameDurable(paths.distBak, paths.dist, disk);
    removeDurable(paths.trial, disk);
    removeDurable(paths.distBak, disk);
  } catch {
    // The trial is still armed, so its limits hold.
  }
}
