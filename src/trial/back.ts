/** The way back: who the known-good release is, and the effects that lead to it. Pure, a part of trial.ts. */
import { type Decision, distHash, type Effect, plain, type TrialInput } from './decision.ts';
import { because, type Choice, chooseTarget, isComplete, lookAt, marksOf } from './target.ts';
import {
  endedTrialFile,
  parseTrial,
  progressFile,
  progressOf,
  type RollbackCause,
  type Trial,
  type TrialProgress,
  unreadableTrialFile,
} from './trial-file.ts';

/**
 * The rollback of a trial, whoever asks for it: say why, claim the trial (exactly one of commit and rollback gets it),
 * and let `finish` do the rest. null: there is no other release on this disk.
 */
export function planRollback(input: TrialInput, trial: Trial, cause: RollbackCause, why: string): Decision | null {
  const target = targetOf(input, trial);
  if (target === null) return null;
  if ('look' in target) return lookAt(target.look);
  const progress = progressOf(trial, input.progressText);
  const counted: TrialProgress = progress === 'unreadable' ? { ...emptyProgress(trial) } : progress;
  return {
    ...plain,
    kind: 'roll-back',
    why,
    effects: [
      { do: 'write', name: progressFile, value: { ...counted, ending: { cause, why } }, bestEffort: true },
      { do: 'claim', from: 'trial.json', to: 'trial.ending.json' },
    ],
    again: true,
    run: target.hash,
    fallback: target.hash,
    rollback: { trial, cause, why: because(why, target, input) },
  };
}

function emptyProgress(trial: Trial): TrialProgress {
  const { id, bootId, startedAtMs } = trial;
  return { v: 1, trial: id, bootsUsed: 0, bootId, startedAtMs, healthyFromMs: startedAtMs, ending: null };
}

/** Where a rollback of this trial leads: dist.bak's target, or what the trial file names, or what takes its place. */
export function targetOf(input: TrialInput, trial: Trial): Choice {
  return chooseTarget(input, [input.distBak?.hash, trial.knownGood], [trial.release]);
}

/** What would be gone back to, by its name alone: for what is to run when the disk does not even take a count. */
export function knownGoodName(input: TrialInput, trial: Trial): string | null {
  const bak = input.distBak?.hash;
  if (isComplete(input, bak) && bak !== trial.release) return bak;
  return isComplete(input, trial.knownGood) ? trial.knownGood : null;
}

/** Points dist at the target: by renaming dist.bak where that is the same, for it takes no room on a full disk. */
function switchBack(input: TrialInput, target: string | null): Effect[] {
  const onTarget = input.dist.kind === 'link' && input.dist.hash === target;
  const leftover: Effect[] = input.distBak === null ? [] : [{ do: 'remove', name: 'dist.bak' }];
  if (target === null || onTarget) return leftover;
  if (input.distBak !== null && input.distBak.hash === target) return [{ do: 'rename', from: 'dist.bak', to: 'dist' }];
  return [{ do: 'link', name: 'dist', hash: target }, ...leftover];
}

/** What a claimed rollback still needs: evidence, the switch back, and the end of its file. */
export function finish(input: TrialInput, endingText: string): Decision {
  const trial = parseTrial(endingText);
  if (trial === null) return finishUnreadable(input);
  // With nothing else on the disk, better the release that failed than none (P2).
  const target = targetOf(input, trial) ?? chooseTarget(input, [trial.release], []);
  if (target !== null && 'look' in target) return lookAt(target.look);
  const progress = progressOf(trial, input.progressText);
  const ending = progress === 'unreadable' ? null : progress.ending;
  const cause = ending?.cause ?? 'trial-unreadable';
  const why = because(ending?.why ?? 'a rollback was claimed, and its reason could not be kept', target, input);
  const to = target?.hash ?? null;
  return {
    ...plain,
    kind: 'finish',
    why,
    effects: [
      { do: 'evidence', trial, cause, why, to, bestEffort: true },
      ...marksOf(target),
      ...switchBack(input, to),
      { do: 'remove', name: progressFile, bestEffort: true },
      // By rename, not by removal: on a full disk this is all the evidence that is left.
      { do: 'rename', from: 'trial.ending.json', to: endedTrialFile, bestEffort: true },
      { do: 'remove', name: 'trial.ending.json' },
    ],
    again: true,
    run: to,
    fallback: to,
    rollback: { trial, cause, why },
  };
}

const unreadableWhy = 'the trial file cannot be read: truncated or garbage';

/** A trial file that cannot be read is claimed like any other; `finish` keeps it as evidence. */
export function unreadable(input: TrialInput): Decision {
  const target = targetWithoutTrial(input);
  if (target !== null && 'look' in target) return lookAt(target.look);
  const run = target?.hash ?? null;
  return {
    ...plain,
    kind: 'roll-back',
    why: unreadableWhy,
    effects: [{ do: 'claim', from: 'trial.json', to: 'trial.ending.json' }],
    again: true,
    run,
    fallback: run,
    rollback: { trial: null, cause: 'trial-unreadable', why: because(unreadableWhy, target, input) },
  };
}

function finishUnreadable(input: TrialInput): Decision {
  const target = targetWithoutTrial(input);
  if (target !== null && 'look' in target) return lookAt(target.look);
  const run = target?.hash ?? null;
  const why = because(unreadableWhy, target, input);
  return {
    ...plain,
    kind: 'finish',
    why,
    effects: [
      { do: 'evidence', trial: null, cause: 'trial-unreadable', why, to: run, bestEffort: true },
      ...marksOf(target),
      ...switchBack(input, run),
      { do: 'remove', name: progressFile, bestEffort: true },
      { do: 'rename', from: 'trial.ending.json', to: unreadableTrialFile, bestEffort: true },
      { do: 'remove', name: 'trial.ending.json' },
    ],
    again: true,
    run,
    fallback: run,
    rollback: { trial: null, cause: 'trial-unreadable', why },
  };
}

/**
 * The known-good release when no trial file tells. dist.bak is there from before the switch until after the commit, so
 * where it is gone dist is right; where it dangles dist may be the bad build, and another complete one is safer.
 */
function targetWithoutTrial(input: TrialInput): Choice {
  const bak = input.distBak?.hash;
  const dist = distHash(input);
  if (isComplete(input, bak)) return chooseTarget(input, [bak], dist === null || dist === bak ? [] : [dist]);
  const right = input.distBak === null || input.distBak.hash === dist;
  if (right) return chooseTarget(input, [dist], []);
  return chooseTarget(input, [], dist === null ? [] : [dist]) ?? chooseTarget(input, [dist], []);
}
