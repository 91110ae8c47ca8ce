/** Is it time for the supervisor of another release to take over? Told from the disk. */
import { lstatSync } from 'node:fs';
import { quietly, readLinkHash } from '../../../base/files.ts';
import { lockHolder } from '../../../base/lock.ts';
import { nodePaths } from '../../../base/paths.ts';
import { completeReleases } from '../../../trial/complete.ts';
import { readHealthyMarker } from '../../../trial/trial-view.ts';

/**
 * The installed release whose supervisor should take over from one whose code is from `own`; null: none. Only one that
 * nothing can take back by itself any more, and whose daemon runs and has been healthy.
 */
export function successorDue(base: string, own: string | null, running: string | null, bootId: string): string | null {
  const paths = nodePaths(base);
  const installed = readLinkHash(paths.dist);
  if (own === null || installed === null || installed === own || installed !== running) return null;
  const unsettled = [paths.trial, paths.trialEnding, paths.distBak, paths.probation, paths.probationEnding];
  if (unsettled.some(isThere) || lockHolder(paths.verbLock) !== null) return null;
  if (!completeReleases(base).includes(installed)) return null;
  let marker = null as ReturnType<typeof readHealthyMarker>;
  quietly(() => {
    marker = readHealthyMarker(base);
  });
  return marker?.release === installed && marker.bootId === bootId ? installed : null;
}

/** What cannot be looked at counts as there: nothing is handed over on a disk that gives errors. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
