/** The probation on this disk: read, and ended. */

import { join } from 'node:path';
import { createDisk, type Disk, readLinkHash, readTextOrNull, removeDurable, writeJsonAtomic } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import type { ProbationView } from '../ports/agent.ts';
import { type Probation, parseProbation, probationBootsMax, probationCountFile } from './probation-file.ts';
import type { Trial } from './trial-file.ts';

/** The probation that is in force: of what dist points to, and with no trial beside it. Null: none. Throws errno errors. */
export function readProbation(base: string): Probation | null {
  const paths = nodePaths(base);
  const text = readTextOrNull(paths.probation);
  const probation = text === null ? null : parseProbation(text);
  if (probation === null || probation.release !== readLinkHash(paths.dist)) return null;
  return readTextOrNull(paths.trial) === null ? probation : null;
}

/** The same as the node reports it. */
export function readProbationView(base: string): ProbationView | null {
  const probation = readProbation(base);
  if (probation === null) return null;
  const { updateId, release, previous } = probation;
  return { updateId, release, previous };
}

/** For the commit of this trial, before its trial.json goes: means nothing as long as that one is there. Throws errno errors. */
export function beginProbation(base: string, trial: Trial, committedAt: string, disk: Disk = createDisk()): void {
  const { id, service, updateId, release, knownGood: previous, epoch } = trial;
  const probation: Probation = {
    v: 1,
    id,
    service,
    updateId,
    release,
    previous,
    epoch,
    bootsMax: probationBootsMax,
    committedAt,
  };
  writeJsonAtomic(nodePaths(base).probation, probation, disk);
}

/** From here on nothing goes back by itself. The file that counts goes first. Throws errno errors. */
export function endProbation(base: string, disk: Disk = createDisk()): void {
  removeDurable(nodePaths(base).probation, disk);
  removeDurable(join(base, probationCountFile), disk);
}
