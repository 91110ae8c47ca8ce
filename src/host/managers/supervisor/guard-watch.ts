/** Runs the guard of the known-good release, and looks when that is due. */
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs, readBootId } from '../../../base/boot.ts';
import { readLinkHash, readTextOrNull } from '../../../base/files.ts';
import { lockHolder } from '../../../base/lock.ts';
import { nodePaths } from '../../../base/paths.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import { completeReleases, runGuard } from '../../../trial/guard.ts';
import { askGuard, type GuardAnswer } from '../../../trial/guard-process.ts';
import { type Probation, parseProbation } from '../../../trial/probation-file.ts';
import { deadlines, parseTrial, progressOf, progressPath, type Trial } from '../../../trial/trial-file.ts';
import { readTrialView } from '../../../trial/trial-view.ts';

export interface GuardRun extends GuardAnswer {
  /** Which guard answered, in words. */
  by: string;
}

function textOf(path: string): string | null {
  try {
    return readTextOrNull(path);
  } catch {
    return '';
  }
}

function probationOn(base: string): Probation | null {
  const paths = nodePaths(base);
  const text = textOf(paths.probation) ?? textOf(paths.probationEnding);
  return text === null ? null : parseProbation(text);
}

/** guard.js files in the order of trust. The release on trial is never among them. */
function guardCandidates(base: string): string[] {
  const paths = nodePaths(base);
  const text = textOf(paths.trial) ?? textOf(paths.trialEnding);
  const trial = text === null ? null : parseTrial(text);
  const dist = readLinkHash(paths.dist);
  const bak = readLinkHash(paths.distBak);
  // With a trial file that cannot be read, what dist points to may well be the release on trial.
  const suspect = text === null ? null : (trial?.release ?? (bak === dist ? null : dist));
  const complete = completeReleases(base);
  // A committed build that may yet go back is judged by the one before it, as on trial.
  const hashes = text === null ? [probationOn(base)?.previous ?? null, dist, bak] : [bak, trial?.knownGood ?? null];
  const trusted = [...hashes, ...complete].filter(
    (hash) => hash !== null && hash !== suspect && complete.includes(hash),
  );
  const files = [...new Set(trusted)].map((hash) => join(paths.releases, String(hash), 'guard.js'));
  const plain = join(paths.dist, 'guard.js');
  return dist === null && text === null && existsSync(plain) ? [plain, ...files] : files;
}

/**
 * `guard.js start|check` of the first candidate that answers within `timeoutMs`; if none does, the supervisor's own
 * copy of the guard. Never rejects.
 */
export async function guardRun(
  base: string,
  verb: 'start' | 'check',
  timeoutMs: number,
  logger: Logger,
): Promise<GuardRun> {
  for (const file of guardCandidates(base).slice(0, 3)) {
    const answer = await askGuard(file, base, verb, timeoutMs);
    if (typeof answer !== 'string') return { ...answer, by: file };
    logger.error({ guard: file, seen: answer }, 'a guard did not answer; trying the next one');
  }
  const reason = verb === 'start' ? 'start' : 'tick';
  const now = { bootId: readBootId(), nowMs: monotonicMs(), wallIso: new Date().toISOString() };
  const result = runGuard({ base, reason, ...now });
  const restart = verb === 'check' && (result.action === 'rolled-back' || result.action === 'disk-refused');
  return { result, restart, by: 'the supervisor itself' };
}

/** When the guard must look: now (0), or in so many ms at the latest; null: there is nothing to watch. */
export function checkDueInMs(base: string, clock: Clock, bootId: string): number | null {
  const paths = nodePaths(base);
  if (textOf(paths.trialEnding) !== null || textOf(paths.probationEnding) !== null) return 0;
  const text = textOf(paths.trial);
  const busy = lockHolder(paths.verbLock) !== null;
  if (text === null) return isThere(paths.distBak) && !busy ? 0 : null;
  const trial = parseTrial(text);
  if (trial === null || startUncounted(base, trial, { bootId, nowMs: clock.nowMs() })) return 0;
  const view = readTrialView(base, clock, bootId);
  if (view === null) return null;
  if (!view.switched) return busy ? null : 0;
  return view.healthyInMs === null ? view.commitInMs : Math.min(view.healthyInMs, view.commitInMs);
}

/** The disk refused what the guard wrote at this boot's start: deadlines of another boot never become due by themselves. */
function startUncounted(base: string, trial: Trial, now: { bootId: string; nowMs: number }): boolean {
  const progress = progressOf(trial, textOf(progressPath(base)));
  return progress !== 'unreadable' && deadlines(trial, progress, now).timeBaseLost;
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Does something else run than what is installed, with no trial and no verb to explain it? */
export function runsOther(base: string, release: string | null): boolean {
  const paths = nodePaths(base);
  if (release === null || textOf(paths.trial) !== null || textOf(paths.trialEnding) !== null) return false;
  if (lockHolder(paths.verbLock) !== null) return false;
  // On a disk that takes no switch the guard has the release before run all the same.
  if (probationOn(base)?.previous === release) return false;
  const installed = readLinkHash(paths.dist);
  return installed !== null && installed !== release && completeReleases(base).includes(installed);
}
