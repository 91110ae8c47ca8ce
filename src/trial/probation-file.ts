/**
 * The files of a probation and their parsers: a build that is committed, and whose starts are counted all the same.
 * `probation.json` is written by the commit, before it removes trial.json; the count stands beside it, keyed by its id.
 * By hand and without zod: the guard reads them and imports nothing.
 */

import { join } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';
import { fieldsOf, isCount, isText } from './trial-file.ts';

export interface Probation {
  v: 1;
  /** The id of the trial that was committed. */
  id: string;
  service: string;
  updateId: string;
  /** buildHash that was committed, and the one before it. */
  release: string;
  previous: string;
  epoch: number;
  /** Starts without becoming healthy that the release gets. */
  bootsMax: number;
  /** Wall clock, for people. */
  committedAt: string;
}

export interface ProbationCount {
  v: 1;
  /** The probation's id: a count of another one means nothing. */
  probation: string;
  /** Starts since the release was last healthy. */
  starts: number;
  /** Written before the way back is claimed: what is wrong with the tree of the release. Absent: nothing is. */
  damage?: string;
}

/** Starts without becoming healthy after which a committed build goes back. */
export const probationBootsMax = 3;

export const probationFile = 'probation.json';
/** probation.json after a way back claimed it by rename: the switch may still be due. */
export const probationEndingFile = 'probation.ending.json';
export const probationCountFile = 'probation.progress.json';
/** What could not be read, kept as evidence. */
export const unreadableProbationFile = join('data', 'probation-unreadable.json');

/** The probation in this text, or null when any part of it is not as it must be. */
export function parseProbation(text: string): Probation | null {
  const f = fieldsOf(text);
  if (f === null || f.v !== 1) return null;
  const { id, service, updateId, release, previous, epoch, bootsMax, committedAt } = f;
  if (!isText(id) || id === '' || !isText(service) || !isText(updateId) || updateId === '') return null;
  if (!isBuildHash(release) || !isBuildHash(previous) || release === previous) return null;
  if (!isCount(epoch) || !isCount(bootsMax) || bootsMax < 1 || !isText(committedAt)) return null;
  return { v: 1, id, service, updateId, release, previous, epoch, bootsMax, committedAt };
}

/** Starts counted so far; what cannot be read counts as none: a committed build is not thrown out for a damaged count. */
export function startsOf(probation: Probation, text: string | null): number {
  const f = text === null ? null : fieldsOf(text);
  if (f === null || f.v !== 1 || f.probation !== probation.id || !isCount(f.starts)) return 0;
  return f.starts;
}

/** What was found wrong with the release before it was gone back from; '' for nothing. Guards of before 0.2.2 never asked. */
export function damageOf(probation: Probation, text: string | null): string {
  const f = text === null ? null : fieldsOf(text);
  return f !== null && f.v === 1 && f.probation === probation.id && isText(f.damage) ? f.damage : '';
}
