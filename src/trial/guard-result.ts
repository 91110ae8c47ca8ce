/** What the guard is asked, and what it answers: the answer is JSON that daemons of other versions read, too (P11). */
import { join } from 'node:path';
import { type Disk, readLinkHash } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import type { Decision, TrialInput } from './decision.ts';
import { readOrGarbage } from './gather.ts';
import {
  deadlines,
  isHealthy,
  parseMarker,
  parseTrial,
  progressFile,
  progressOf,
  type RollbackCause,
} from './trial-file.ts';

export interface GuardDeps {
  base: string;
  reason: TrialInput['reason'];
  bootId: string;
  /** CLOCK_MONOTONIC, ms. */
  nowMs: number;
  wallIso: string;
  disk?: Disk;
  /** Asked for by a leader or an operator: roll the trial back, whatever its limits say. */
  rollback?: { cause: RollbackCause; why: string };
}

export interface GuardResult {
  /**
   * start / nothing: go on. rolled-back: `dist` is the known-good release again. kept: it should go back and cannot,
   * `notes` say why. stuck: nothing can be run. disk-refused: the disk takes no changes; run what `run` says.
   */
  action: 'start' | 'nothing' | 'rolled-back' | 'kept' | 'stuck' | 'disk-refused';
  /** Absolute directory whose index.js is to run; null: none. */
  run: string | null;
  /** Its hash, where it is one of ours. */
  release: string | null;
  trial: GuardTrial | null;
  rolledBack: { updateId: string; release: string; cause: RollbackCause; why: string } | null;
  /** What `run` leads to was hashed and is not whole: it runs for want of a better one. Absent in an older guard's answer. */
  damaged?: { release: string; why: string } | null;
  notes: string[];
}

interface GuardTrial {
  updateId: string;
  release: string;
  bootsUsed: number;
  bootsMax: number;
  healthyInMs: number | null;
  commitInMs: number;
}

export function rolledBackView(rollback: NonNullable<Decision['rollback']>): GuardResult['rolledBack'] {
  const { trial, cause, why } = rollback;
  return { updateId: trial?.updateId ?? '', release: trial?.release ?? '', cause, why };
}

export function actionOf(decision: Decision, reason: TrialInput['reason'], rolledBack: boolean): GuardResult['action'] {
  if (decision.kind === 'stuck') return 'stuck';
  if (rolledBack) return 'rolled-back';
  if (decision.kind === 'keep') return 'kept';
  return reason === 'start' ? 'start' : 'nothing';
}

export function trialView(deps: GuardDeps): GuardTrial | null {
  const paths = nodePaths(deps.base);
  const text = readOrGarbage(paths.trial);
  const trial = text === null ? null : parseTrial(text);
  if (trial === null || readLinkHash(paths.dist) !== trial.release) return null;
  const progress = progressOf(trial, readOrGarbage(join(deps.base, progressFile)));
  if (progress === 'unreadable') return null;
  const { healthyInMs, commitInMs } = deadlines(trial, progress, deps);
  const markerText = readOrGarbage(paths.healthy);
  const healthy = isHealthy(markerText === null ? null : parseMarker(markerText), trial, deps.bootId);
  const { updateId, release, bootsMax } = trial;
  return {
    updateId,
    release,
    bootsUsed: progress.bootsUsed,
    bootsMax,
    healthyInMs: healthy ? null : healthyInMs,
    commitInMs,
  };
}
