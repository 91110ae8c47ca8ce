/** A release on trial: counted, watched, or rolled back when one of its limits is over (P3). Pure. */
import { knownGoodName, planRollback, targetOf } from './back.ts';
import { type Decision, distHash, plain, type TrialInput } from './decision.ts';
import { distIsUsable, idle, repair, runDist, stuck } from './repair.ts';
import { isComplete, lookAt, type Target } from './target.ts';
import {
  deadlines,
  isHealthy,
  progressFile,
  progressOf,
  type RollbackCause,
  type Trial,
  type TrialProgress,
} from './trial-file.ts';

export function onTrial(input: TrialInput, trial: Trial): Decision {
  if (distHash(input) === trial.release) return switched(input, trial);
  if (!distIsUsable(input)) {
    const target = targetOf(input, trial);
    if (target !== null && 'look' in target) return lookAt(target.look);
    if (target !== null) return repair(input, target, 'dist led nowhere during a trial');
    const { release } = trial;
    if (!isComplete(input, release)) return stuck(input, trial.knownGood);
    const only: Target = { hash: release, damage: '', passedOver: [], stranger: false };
    return repair(input, only, 'only the release on trial is there');
  }
  if (input.verbRuns) return idle(input, 'a verb is arming this trial');
  return {
    ...plain,
    kind: 'clear',
    why: 'the trial was armed but never switched',
    effects: [
      { do: 'remove', name: 'trial.json' },
      ...(input.distBak === null ? [] : [{ do: 'remove', name: 'dist.bak' } as const]),
      { do: 'remove', name: progressFile, bestEffort: true },
    ],
    again: true,
    needsLock: true,
    run: runDist(input),
    fallback: runDist(input),
  };
}

function switched(input: TrialInput, trial: Trial): Decision {
  const progress = progressOf(trial, input.progressText);
  const reason = progress === 'unreadable' ? unreadableProgress() : whyBack(input, trial, progress);
  if (reason !== null) return planRollback(input, trial, reason.cause, reason.why) ?? keep(input, reason.why);
  if (progress === 'unreadable') return stuck(input, trial.knownGood);
  const { timeBaseLost } = deadlines(trial, progress, input);
  const next = timeBaseLost ? rebased(progress, input) : progress;
  if (input.reason === 'start') return count(input, trial, next);
  if (!timeBaseLost) return { ...plain, kind: 'watch', why: 'on trial', run: trial.release, fallback: trial.release };
  return {
    ...plain,
    kind: 'rebase',
    why: 'another boot: the deadlines start anew',
    effects: [{ do: 'write', name: progressFile, value: next }],
    run: trial.release,
    fallback: knownGoodName(input, trial) ?? trial.release,
  };
}

type Reason = { cause: RollbackCause; why: string } | null;

function unreadableProgress(): { cause: RollbackCause; why: string } {
  return { cause: 'trial-unreadable', why: "the trial's progress cannot be read, so its limits cannot be kept" };
}

function rebased(progress: TrialProgress, input: TrialInput): TrialProgress {
  return { ...progress, bootId: input.bootId, startedAtMs: input.nowMs, healthyFromMs: input.nowMs };
}

/** Which limit is over (P3); null: none. */
function whyBack(input: TrialInput, trial: Trial, progress: TrialProgress): Reason {
  if (!isComplete(input, trial.release)) {
    return { cause: 'boots', why: `releases/${trial.release} is not complete: no start is possible` };
  }
  if (input.reason === 'start' && progress.bootsUsed >= trial.bootsMax) {
    return { cause: 'boots', why: `started ${progress.bootsUsed} times of ${trial.bootsMax} and was not committed` };
  }
  const { healthyInMs, commitInMs } = deadlines(trial, progress, input);
  if (commitInMs <= 0) {
    return { cause: 'commit-deadline', why: `not committed within ${trial.trialMs} ms` };
  }
  if (healthyInMs <= 0 && !isHealthy(input.marker, trial, input.bootId)) {
    return { cause: 'healthy-deadline', why: `not healthy within ${trial.healthTimeoutMs} ms` };
  }
  return null;
}

function count(input: TrialInput, trial: Trial, progress: TrialProgress): Decision {
  // A process that had become healthy and ended gives its successor the whole time to become healthy again.
  const wasHealthy = isHealthy(input.marker, trial, input.bootId);
  const value: TrialProgress = {
    ...progress,
    bootsUsed: progress.bootsUsed + 1,
    healthyFromMs: wasHealthy ? input.nowMs : progress.healthyFromMs,
  };
  return {
    ...plain,
    kind: 'count',
    why: `start ${value.bootsUsed} of ${trial.bootsMax} on trial`,
    effects: [
      { do: 'write', name: progressFile, value },
      { do: 'remove', name: 'run/healthy.json' },
    ],
    run: trial.release,
    fallback: knownGoodName(input, trial) ?? trial.release,
  };
}

function keep(input: TrialInput, why: string): Decision {
  const run = runDist(input);
  return {
    ...plain,
    kind: 'keep',
    why: `${why}; but there is no other complete release on this disk: stage one, or commit`,
    run,
    fallback: run,
  };
}
