/** What a node says of its trial, its last rollback and its installed release; and the marker that it is healthy. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readBootId } from '../base/boot.ts';
import { readLinkHash, readTextOrNull, writeJsonAtomic } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import type { RollbackView, TrialView } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ended } from './decision.ts';
import type { RollbackRecord } from './evidence.ts';
import { parseProbation } from './probation-file.ts';
import {
  deadlines,
  endedTrialFile,
  type HealthyMarker,
  isHealthy,
  parseMarker,
  parseTrial,
  progressOf,
  progressPath,
  type Trial,
} from './trial-file.ts';

/** The trial on this disk, or null when there is none that can be read. */
export function readTrial(base: string): Trial | null {
  const text = readTextOrNull(nodePaths(base).trial);
  return text === null ? null : parseTrial(text);
}

/** The trial as the node reports it, with the milliseconds left (never below 0); null: no trial. */
export function readTrialView(base: string, clock: Clock, bootId: string = readBootId()): TrialView | null {
  const trial = readTrial(base);
  if (trial === null) return null;
  const read = progressOf(trial, readTextOrNull(progressPath(base)));
  const { updateId, release, knownGood, epoch, bootsMax } = trial;
  const switched = readInstalled(base) === release;
  const view = { updateId, release, knownGood, epoch, switched, bootsMax };
  if (read === 'unreadable') return { ...view, bootsUsed: bootsMax, healthyInMs: 0, commitInMs: 0 };
  const { healthyInMs, commitInMs } = deadlines(trial, read, { bootId, nowMs: clock.nowMs() });
  const healthy = isHealthy(readHealthyMarker(base), trial, bootId);
  return {
    ...view,
    bootsUsed: read.bootsUsed,
    healthyInMs: healthy ? null : Math.max(0, healthyInMs),
    commitInMs: Math.max(0, commitInMs),
  };
}

/** buildHash that `dist` points to; null: no link to a release (missing, or a directory not converted yet). */
export function readInstalled(base: string): string | null {
  return readLinkHash(nodePaths(base).dist);
}

/** What the last rollback left, or null. A rollback on a full disk left only its trial: then cause and log are missing. */
export function readLastRollback(base: string): RollbackView | null {
  const record = readRecord(nodePaths(base).lastRollback);
  const endedText = readTextOrNull(join(base, endedTrialFile));
  const ended = endedText === null ? null : parseEnded(endedText);
  if (ended === null || record?.trialId === ended.id) return record === null ? null : viewOf(record);
  // Of two that differ the later one counts; a later evidence without its trial is one of an unreadable trial file.
  if (record !== null && record.trialId === '') return viewOf(record);
  const { updateId, release, knownGood, at } = ended;
  const why = 'rolled back; the evidence could not be written (disk full?)';
  const nothing = { exitCode: null, signal: null, logTail: [], at };
  return { updateId, release, knownGood, cause: ended.cause, why, ...nothing };
}

/** What the last way back moved aside: a trial, or a probation. */
function parseEnded(text: string): (Ended & { at: string; cause: string }) | null {
  const trial = parseTrial(text);
  if (trial !== null) return { ...trial, at: trial.armedAt, cause: 'unknown' };
  const probation = parseProbation(text);
  if (probation === null) return null;
  return { ...probation, knownGood: probation.previous, at: probation.committedAt, cause: 'probation' };
}

function readRecord(path: string): RollbackRecord | null {
  try {
    const text = readTextOrNull(path);
    const value: unknown = text === null ? null : JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const record = value as RollbackRecord;
    return typeof record.cause === 'string' && Array.isArray(record.logTail) ? record : null;
  } catch {
    return null;
  }
}

function viewOf(record: RollbackRecord): RollbackView {
  const { updateId, release, knownGood, cause, why, exitCode, signal, logTail, at } = record;
  return { updateId, release, knownGood, cause, why, exitCode, signal, logTail, at };
}

/** The marker of this base's daemon, or null. */
export function readHealthyMarker(base: string): HealthyMarker | null {
  const text = readTextOrNull(nodePaths(base).healthy);
  return text === null ? null : parseMarker(text);
}

/**
 * For the daemon, when it first is healthy: ends the healthy deadline of a trial. The guard removes it at every start.
 * Throws ClusterError 'disk'.
 */
export function writeHealthyMarker(base: string, incarnation: string, release: string, clock: Clock): void {
  const marker: HealthyMarker = { incarnation, release, bootId: readBootId(), atMs: clock.nowMs() };
  try {
    mkdirSync(nodePaths(base).run, { recursive: true, mode: 0o700 });
    writeJsonAtomic(nodePaths(base).healthy, marker);
  } catch (cause) {
    throw new ClusterError('disk', 'cannot write the healthy marker', { seen: (cause as Error).message }, cause);
  }
}
