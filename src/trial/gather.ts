/** Everything on the disk that may influence a decision about the trial, read now, as one plain value. */

import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';
import { hashOfTarget, readLinkHash, readTextOrNull } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { committedHere } from '../release/committed.ts';
import { completeReleases } from './complete.ts';
import type { DistState, TrialInput } from './decision.ts';
import { readHolders } from './holders-file.ts';
import { probationCountFile } from './probation-file.ts';
import { startsFile } from './start-count.ts';
import { convertFile, convertingDir, parseMarker, progressFile } from './trial-file.ts';

/** Whose disk, why it is looked at, and what time it is. */
type Look = Pick<TrialInput, 'reason' | 'bootId' | 'nowMs'> & { base: string };

/** Everything that may influence the decision, read now. */
export function gather(deps: Look, verbRuns: boolean, looked: TrialInput['looked']): TrialInput {
  const paths = nodePaths(deps.base);
  const markerText = readOrGarbage(paths.healthy);
  return {
    reason: deps.reason,
    trialText: readOrGarbage(paths.trial),
    endingText: readOrGarbage(paths.trialEnding),
    progressText: readOrGarbage(join(deps.base, progressFile)),
    probationText: readOrGarbage(paths.probation),
    probationEndingText: readOrGarbage(paths.probationEnding),
    probationCountText: readOrGarbage(join(deps.base, probationCountFile)),
    startsText: readOrGarbage(join(deps.base, startsFile)),
    dist: distState(paths.dist),
    distBak: isLink(paths.distBak) ? { hash: readLinkHash(paths.distBak) } : null,
    complete: completeReleases(deps.base),
    committed: committedHere(deps.base),
    looked,
    holders: readHolders(deps.base),
    convertingTo: hashIn(readOrGarbage(join(deps.base, convertFile)), 'hash'),
    convertingDir: existsSync(join(deps.base, convertingDir, 'index.js')),
    avoid: [hashIn(readOrGarbage(paths.lastRollback), 'release')].filter((hash) => hash !== null),
    bootId: deps.bootId,
    nowMs: deps.nowMs,
    marker: markerText === null ? null : parseMarker(markerText),
    verbRuns,
  };
}

/** null: not there. A file that is there and cannot be read counts as garbage, for pretending it away would be worse. */
export function readOrGarbage(path: string): string | null {
  try {
    return readTextOrNull(path);
  } catch {
    return '';
  }
}

function hashIn(text: string | null, field: string): string | null {
  if (text === null) return null;
  try {
    const value: unknown = (JSON.parse(text) as Record<string, unknown>)[field];
    return isBuildHash(value) ? value : null;
  } catch {
    return null;
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

function distState(path: string): DistState {
  try {
    const stat = lstatSync(path);
    if (stat.isDirectory()) return { kind: 'directory' };
    if (!stat.isSymbolicLink()) return { kind: 'missing' };
    const hash = hashOfTarget(readlinkSync(path));
    return { kind: 'link', hash, foreign: hash === null && existsSync(join(path, 'index.js')) };
  } catch {
    return { kind: 'missing' };
  }
}
