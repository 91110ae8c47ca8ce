/**
 * The files of a trial and their strict parsers. By hand and without zod: the guard reads them and imports nothing.
 *
 * `trial.json` is written once, before the switch, and never again: its removal is the commit, its renaming is the
 * rollback, and nobody can bring it back by writing at the wrong moment. What counts upwards (boots, the deadlines'
 * zero) stands beside it in `trial.progress.json`, which means nothing without the trial that it names.
 */
import { join } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';

export interface Trial {
  v: 1;
  /** Random; tells one trial from the next one of the same update. */
  id: string;
  service: string;
  updateId: string;
  /** buildHash on trial, and the one to go back to. */
  release: string;
  knownGood: string;
  epoch: number;
  /** Boot in which the deadlines below started, and when: CLOCK_MONOTONIC, ms. */
  bootId: string;
  startedAtMs: number;
  /** Healthy within this many ms, committed within that many. */
  healthTimeoutMs: number;
  trialMs: number;
  /** Starts that the release gets. */
  bootsMax: number;
  /** Wall clock, for people. */
  armedAt: string;
}

export interface TrialProgress {
  v: 1;
  /** The trial's id. */
  trial: string;
  bootsUsed: number;
  bootId: string;
  /** Zero of the commit deadline, and of the healthy deadline (which starts anew after a process that was healthy). */
  startedAtMs: number;
  healthyFromMs: number;
  /** Why it is being rolled back: written before the rollback claims the trial. */
  ending: { cause: RollbackCause; why: string } | null;
}

/** A newer guard may have others: they are passed on as they stand. */
export type RollbackCause =
  | 'boots'
  | 'healthy-deadline'
  | 'commit-deadline'
  | 'leader'
  | 'operator'
  | 'trial-unreadable'
  | 'probation'
  /** On probation, and not whole any more on this disk: nothing is said against the build. */
  | 'damaged';

/** `run/healthy.json`: this incarnation said that it is healthy. */
export interface HealthyMarker {
  incarnation: string;
  release: string;
  bootId: string;
  atMs: number;
}

/** `run/last-exit.json`: how the last daemon ended. */
export interface LastExit {
  release: string;
  exitCode: number | null;
  signal: string | null;
  at: string;
}

/** Where the counts of a trial are. */
export const progressFile = 'trial.progress.json';
export const progressPath = (base: string): string => join(base, progressFile);
/** The trial that the last rollback ended: moved there by rename, so that it is kept even when the disk is full. */
export const endedTrialFile = join('data', 'last-ended-trial.json');
export const unreadableTrialFile = join('data', 'trial-unreadable.json');
/** What was committed last here, for answers to a repeated call. */
export const lastCommitFile = join('data', 'last-commit.json');
/** Intent of turning a plain `dist/` into a link, and the directory on its way out. */
export const convertFile = 'convert.json';
export const convertingDir = 'dist.converting';

export const isText = (value: unknown, max = 200): value is string => typeof value === 'string' && value.length <= max;
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

type Fields = Record<string, unknown>;

/** The fields of a JSON object, or null for any other text. */
export function fieldsOf(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
  } catch {
    return null;
  }
}

/** The trial in this text, or null when any part of it is not as it must be: half a trial is no trial. */
export function parseTrial(text: string): Trial | null {
  const f = fieldsOf(text);
  if (f === null || f.v !== 1) return null;
  const { id, service, updateId, release, knownGood, bootId, armedAt } = f;
  const { epoch, startedAtMs, healthTimeoutMs, trialMs, bootsMax } = f;
  if (!isText(id) || id === '' || !isText(service) || !isText(updateId) || updateId === '') return null;
  if (!isBuildHash(release) || !isBuildHash(knownGood) || release === knownGood) return null;
  if (!isText(bootId) || !isText(armedAt) || !isCount(epoch) || !isCount(startedAtMs)) return null;
  if (!isCount(healthTimeoutMs) || !isCount(trialMs) || !isCount(bootsMax)) return null;
  if (healthTimeoutMs < 1 || trialMs < 1 || bootsMax < 1) return null;
  return {
    v: 1,
    id,
    service,
    updateId,
    release,
    knownGood,
    epoch,
    bootId,
    startedAtMs,
    healthTimeoutMs,
    trialMs,
    bootsMax,
    armedAt,
  };
}

/** The progress in this text, or null when it is not one. */
export function parseProgress(text: string): TrialProgress | null {
  const f = fieldsOf(text);
  if (f === null || f.v !== 1) return null;
  const { trial, bootsUsed, bootId, startedAtMs, healthyFromMs, ending } = f;
  if (!isText(trial) || !isText(bootId)) return null;
  if (!isCount(bootsUsed) || !isCount(startedAtMs) || !isCount(healthyFromMs)) return null;
  return { v: 1, trial, bootsUsed, bootId, startedAtMs, healthyFromMs, ending: parseEnding(ending) };
}

function parseEnding(value: unknown): TrialProgress['ending'] {
  if (typeof value !== 'object' || value === null) return null;
  const { cause, why } = value as Fields;
  if (!isText(cause, 40) || cause === '') return null;
  // A cause that only a newer guard knows is told as it stands: nothing is decided by it (P11).
  return { cause: cause as RollbackCause, why: typeof why === 'string' ? why : '' };
}

/** The healthy marker in this text, or null. */
export function parseMarker(text: string): HealthyMarker | null {
  const f = fieldsOf(text);
  if (f === null) return null;
  const { incarnation, release, bootId, atMs } = f;
  if (!isText(incarnation) || !isBuildHash(release) || !isText(bootId) || !isCount(atMs)) return null;
  return { incarnation, release, bootId, atMs };
}

/** The last exit in this text, or null. */
export function parseLastExit(text: string): LastExit | null {
  const f = fieldsOf(text);
  if (f === null) return null;
  const { release, exitCode, signal, at } = f;
  if (!isBuildHash(release)) return null;
  return {
    release,
    exitCode: typeof exitCode === 'number' ? exitCode : null,
    signal: typeof signal === 'string' ? signal : null,
    at: typeof at === 'string' ? at : '',
  };
}

/** The progress that a trial starts with. */
function initialProgress(trial: Trial): TrialProgress {
  return {
    v: 1,
    trial: trial.id,
    bootsUsed: 0,
    bootId: trial.bootId,
    startedAtMs: trial.startedAtMs,
    healthyFromMs: trial.startedAtMs,
    ending: null,
  };
}

/** This trial's progress: what the text says of it, the initial one where it says nothing, 'unreadable' where it is garbage. */
export function progressOf(trial: Trial, text: string | null): TrialProgress | 'unreadable' {
  if (text === null) return initialProgress(trial);
  const progress = parseProgress(text);
  if (progress === null) return 'unreadable';
  return progress.trial === trial.id ? progress : initialProgress(trial);
}

/** Milliseconds left of a trial's two deadlines, by the monotonic clock of this boot. */
export function deadlines(
  trial: Trial,
  progress: TrialProgress,
  now: { bootId: string; nowMs: number },
): { timeBaseLost: boolean; healthyInMs: number; commitInMs: number } {
  // Another boot, or a clock that shows less than it did: the numbers mean nothing, both deadlines start anew.
  const timeBaseLost = progress.bootId !== now.bootId || now.nowMs < progress.startedAtMs;
  if (timeBaseLost) return { timeBaseLost, healthyInMs: trial.healthTimeoutMs, commitInMs: trial.trialMs };
  return {
    timeBaseLost,
    healthyInMs: progress.healthyFromMs + trial.healthTimeoutMs - now.nowMs,
    commitInMs: progress.startedAtMs + trial.trialMs - now.nowMs,
  };
}

/** Does this marker prove that the release on trial got healthy in this boot of the host? */
export function isHealthy(marker: HealthyMarker | null, trial: Trial, bootId: string): boolean {
  return marker !== null && marker.release === trial.release && marker.bootId === bootId;
}
