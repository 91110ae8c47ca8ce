/** Runs the guard of the known-good release, and looks when that is due. */
import { lstatSync } from 'node:fs';
import { monotonicMs, readBootId } from '../../../base/boot.ts';
import { readLinkHash } from '../../../base/files.ts';
import { lockHolder } from '../../../base/lock.ts';
import { nodePaths } from '../../../base/paths.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import { completeReleases } from '../../../trial/complete.ts';
import { runGuard } from '../../../trial/guard.ts';
import { askGuard, type GuardAnswer, guardLimitMs } from '../../../trial/guard-process.ts';
import { deadlines, parseTrial, progressOf, progressPath, type Trial } from '../../../trial/trial-file.ts';
import { readTrialView } from '../../../trial/trial-view.ts';
import { guardCandidates, probationOn, textOf, whyNotTrusted } from './trusted-guard.ts';

export interface GuardRun extends GuardAnswer {
  /** Which guard answered, in words. */
  by: string;
}

/**
 * `guard.js start|check` of the first candidate that is whole and answers in time (`timeoutMs`, and more for what it may
 * have to hash); if none does, the supervisor's own copy of the guard. Never rejects.
 */
export async function guardRun(
  base: string,
  verb: 'start' | 'check',
  timeoutMs: number,
  logger: Logger,
): Promise<GuardRun> {
  for (const candidate of guardCandidates(base).slice(0, 3)) {
    const { file } = candidate;
    const damaged = await whyNotTrusted(base, candidate);
    const answer = damaged === '' ? await askGuard(file, base, verb, guardLimitMs(base, timeoutMs)) : damaged;
    if (typeof answer !== 'string') return { ...answer, by: file };
    const what = damaged === '' ? 'a guard did not answer' : 'a guard whose release is not whole is not asked';
    logger.error({ guard: file, seen: answer }, `${what}; trying the next one`);
  }
  const reason = verb === 'start' ? 'start' : 'tick';
  const now = { bootId: readBootId(), nowMs: monotonicMs(), wallIso: new Date().toISOString() };
  const result = runGuard({ base, reason, ...now });
  const restart = verb === 'check' && (result.action === 'rolled-back' || result.action === 'disk-refused');
  return { result, restart, by: 'the supervisor itself' };
}

/** What the guard found of the release that is to run, for its daemon: a disk that is full takes no mark. */
export function damageTold({ damaged }: GuardAnswer['result']): Record<string, string | undefined> {
  return { CLAUDECLUSTER_DAMAGED: damaged?.why };
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
