/**
 * What happens to a node's disk at a start, at a tick of the watcher, or before a verb: decided here and nowhere else.
 * Pure: one plain input, one plain decision with its disk effects in order. guard.ts gathers and applies.
 *
 * The order of the questions is the design:
 * 1. a rollback that claimed the trial is finished, always;
 * 2. a trial that cannot be read goes back;
 * 3. a trial that never switched is cleared; one that did is counted, watched, or rolled back (P3);
 * 4. without a trial, `dist` must lead to a complete release, or is made to (P2);
 * 5. a build that is committed and on probation has its starts counted, and goes back when none is left.
 */

import { finish, knownGoodName, planRollback, targetOf, unreadable } from './back.ts';
import { type Decision, distHash, type Effect, plain, type TrialInput } from './decision.ts';
import { finishProbation, onProbation, probationOf, tidyProbation } from './probation.ts';
import { because, chooseTarget, howToBring, isComplete, lookAt, marksOf, type Target } from './target.ts';
import {
  convertFile,
  convertingDir,
  deadlines,
  isHealthy,
  parseTrial,
  progressFile,
  progressOf,
  type RollbackCause,
  type Trial,
  type TrialProgress,
} from './trial-file.ts';

/** Decides. Takes everything that may influence it; never throws. */
export function decide(input: TrialInput): Decision {
  if (input.endingText !== null) return finish(input, input.endingText);
  if (input.trialText === null) return withoutTrial(input);
  const trial = parseTrial(input.trialText);
  if (trial === null) return unreadable(input);
  return onTrial(input, trial);
}

// ---------------------------------------------------------------------------------------------- on trial

function distIsUsable(input: TrialInput): boolean {
  if (input.dist.kind === 'directory') return true;
  return input.dist.kind === 'link' && (input.dist.foreign || isComplete(input, input.dist.hash));
}

function runDist(input: TrialInput): string | 'dist' | null {
  if (!distIsUsable(input)) return null;
  return distHash(input) ?? 'dist';
}

function onTrial(input: TrialInput, trial: Trial): Decision {
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

// ---------------------------------------------------------------------------------------------- without a trial

function withoutTrial(input: TrialInput): Decision {
  const usable = distIsUsable(input);
  const finishing = finishProbation(input, usable);
  if (finishing !== null) return finishing;
  if (!usable) return repairDist(input);
  const leftovers = input.distBak !== null || input.progressText !== null;
  if (leftovers && !input.verbRuns) {
    return {
      ...plain,
      kind: 'clear',
      why: 'leftovers of a trial that has ended',
      effects: [
        ...(input.distBak === null ? [] : [{ do: 'remove', name: 'dist.bak' } as const]),
        { do: 'remove', name: progressFile },
      ],
      again: true,
      needsLock: true,
      run: runDist(input),
      fallback: runDist(input),
    };
  }
  return onProbation(input) ?? idle(input, 'no trial');
}

function repairDist(input: TrialInput): Decision {
  const bak = input.distBak?.hash;
  const before = probationOf(input)?.previous;
  const named = chooseTarget(input, [bak, before, input.convertingTo], [], true);
  if (named !== null && 'look' in named) return lookAt(named.look);
  if (named !== null && named.damage === '') return repair(input, named, whyRepaired(input, named.hash));
  if (input.convertingDir && input.dist.kind === 'missing') {
    const effects: Effect[] = [{ do: 'rename', from: convertingDir, to: 'dist' }];
    return {
      ...plain,
      kind: 'repair',
      why: 'the conversion of dist is undone',
      effects,
      again: true,
      run: 'dist',
      fallback: null,
    };
  }
  const target = chooseTarget(input, [bak, before, input.convertingTo], []);
  if (target !== null && 'look' in target) return lookAt(target.look);
  return target === null ? stuck(input) : repair(input, target, whyRepaired(input, target.hash));
}

function whyRepaired(input: TrialInput, hash: string): string {
  if (hash === input.distBak?.hash) return 'dist led nowhere';
  if (hash === probationOf(input)?.previous) return 'the committed release is not complete any more';
  if (hash === input.convertingTo) return 'the conversion of dist is completed';
  return 'dist led nowhere, and nothing that is there names the known-good release';
}

function repair(input: TrialInput, target: Target, why: string): Decision {
  const { hash } = target;
  const effects: Effect[] = [...marksOf(target), { do: 'link', name: 'dist', hash }];
  if (input.convertingTo === hash) effects.push({ do: 'remove', name: convertFile, bestEffort: true });
  return {
    ...plain,
    kind: 'repair',
    why: because(`${why}: dist is releases/${hash} now`, target, input),
    effects,
    again: true,
    run: hash,
    fallback: hash,
  };
}

/** No code at all (P2): only a hand can help, so it is told what to bring, and how. */
function stuck(input: TrialInput, knownGood?: string): Decision {
  const wanted = input.distBak?.hash ?? knownGood ?? distHash(input) ?? input.committed[0] ?? 'HASH';
  const why = `no release on this disk is complete enough to start: ${howToBring(input, wanted)}`;
  return { ...plain, kind: 'stuck', why, run: null, fallback: null };
}

function idle(input: TrialInput, why: string): Decision {
  const run = runDist(input);
  if (input.reason !== 'start') return { ...plain, kind: 'watch', why, run, fallback: run };
  const effects: Effect[] = [{ do: 'remove', name: 'run/healthy.json', bestEffort: true }];
  const tidy = tidyProbation(input);
  if (tidy.length === 0) return { ...plain, kind: 'start', why, effects, run, fallback: run };
  return {
    ...plain,
    kind: 'clear',
    why: `${why}; a probation that is none`,
    effects: [...effects, ...tidy],
    run,
    fallback: run,
  };
}
