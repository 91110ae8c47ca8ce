/** The way back: who the known-good release is, and the effects that lead to it. Pure, a part of trial.ts. */
import { type Decision, distHash, type Effect, plain, type TrialInput } from './decision.ts';
import {
  endedTrialFile,
  isHash,
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
  const target = knownGoodOf(input, trial);
  if (target === null) return null;
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
    run: target,
    fallback: target,
    rollback: { trial, cause, why },
  };
}

function emptyProgress(trial: Trial): TrialProgress {
  const { id, bootId, startedAtMs } = trial;
  return { v: 1, trial: id, bootsUsed: 0, bootId, startedAtMs, healthyFromMs: startedAtMs, ending: null };
}

/** Is this a release with all that a start needs? */
export function isComplete(input: TrialInput, hash: string | null | undefined): hash is string {
  return isHash(hash) && input.complete.includes(hash);
}

/** The newest release that is none of these; one that failed here before only if there is no other. */
export function newestOther(input: TrialInput, than: string[]): string | null {
  const others = input.complete.filter((hash) => !than.includes(hash));
  return others.find((hash) => !input.avoid.includes(hash)) ?? others[0] ?? null;
}

/** dist.bak's target, else what the trial file names, else the newest other release; null: there is no way back. */
export function knownGoodOf(input: TrialInput, trial: Trial): string | null {
  const bak = input.distBak?.hash;
  if (isComplete(input, bak) && bak !== trial.release) return bak;
  if (isComplete(input, trial.knownGood)) return trial.knownGood;
  return newestOther(input, [trial.release]);
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
  const target = knownGoodOf(input, trial) ?? newestOther(input, []);
  const progress = progressOf(trial, input.progressText);
  const ending = progress === 'unreadable' ? null : progress.ending;
  const cause = ending?.cause ?? 'trial-unreadable';
  const why = ending?.why ?? 'a rollback was claimed, and its reason could not be kept';
  return {
    ...plain,
    kind: 'finish',
    why,
    effects: [
      { do: 'evidence', trial, cause, why, to: target, bestEffort: true },
      ...switchBack(input, target),
      { do: 'remove', name: progressFile, bestEffort: true },
      // By rename, not by removal: on a full disk this is all the evidence that is left.
      { do: 'rename', from: 'trial.ending.json', to: endedTrialFile, bestEffort: true },
      { do: 'remove', name: 'trial.ending.json' },
    ],
    again: true,
    run: target,
    fallback: target,
    rollback: { trial, cause, why },
  };
}

const unreadableWhy = 'the trial file cannot be read: truncated or garbage';

/** A trial file that cannot be read is claimed like any other; `finish` keeps it as evidence. */
export function unreadable(input: TrialInput): Decision {
  return {
    ...plain,
    kind: 'roll-back',
    why: unreadableWhy,
    effects: [{ do: 'claim', from: 'trial.json', to: 'trial.ending.json' }],
    again: true,
    run: targetWithoutTrial(input),
    fallback: targetWithoutTrial(input),
    rollback: { trial: null, cause: 'trial-unreadable', why: unreadableWhy },
  };
}

function finishUnreadable(input: TrialInput): Decision {
  const target = targetWithoutTrial(input);
  return {
    ...plain,
    kind: 'finish',
    why: unreadableWhy,
    effects: [
      { do: 'evidence', trial: null, cause: 'trial-unreadable', why: unreadableWhy, to: target, bestEffort: true },
      ...switchBack(input, target),
      { do: 'remove', name: progressFile, bestEffort: true },
      { do: 'rename', from: 'trial.ending.json', to: unreadableTrialFile, bestEffort: true },
      { do: 'remove', name: 'trial.ending.json' },
    ],
    again: true,
    run: target,
    fallback: target,
    rollback: { trial: null, cause: 'trial-unreadable', why: unreadableWhy },
  };
}

/**
 * The known-good release when no trial file tells. dist.bak is there from before the switch until after the commit, so
 * where it is gone dist is right; where it dangles dist may be the bad build, and another complete one is safer.
 */
function targetWithoutTrial(input: TrialInput): string | null {
  const bak = input.distBak?.hash;
  if (isComplete(input, bak)) return bak;
  const dist = distHash(input);
  if (isComplete(input, dist) && (input.distBak === null || input.distBak.hash === dist)) return dist;
  return newestOther(input, dist === null ? [] : [dist]) ?? (isComplete(input, dist) ? dist : null);
}
