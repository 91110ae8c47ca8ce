/**
 * What happens to a node's disk at a start, at a tick of the watcher, or before a verb: decided here and nowhere else.
 * Pure: one plain input, one plain decision with its disk effects in order. guard.ts gathers and applies.
 *
 * The order of the questions is the design:
 * 1. a rollback that claimed the trial is finished, always;
 * 2. a trial that cannot be read goes back;
 * 3. a trial that never switched is cleared; one that did is counted, watched, or rolled back (P3);
 * 4. without a trial, `dist` must lead to a complete release, or is made to (P2);
 * 5. a build that is committed and on probation has its starts counted, and goes back when none is left;
 * 6. any other one is started as it is, and hashed where it does not become healthy start after start (start-count.ts).
 */
import { finish, unreadable } from './back.ts';
import { type Decision, type Effect, plain, type TrialInput } from './decision.ts';
import { onTrial } from './on-trial.ts';
import { finishProbation, onProbation, probationOf } from './probation.ts';
import { distIsUsable, repair, runDist, stuck } from './repair.ts';
import { plainStart } from './start-count.ts';
import { chooseTarget, lookAt } from './target.ts';
import { convertingDir, parseTrial, progressFile } from './trial-file.ts';

/** Decides. Takes everything that may influence it; never throws. */
export function decide(input: TrialInput): Decision {
  if (input.endingText !== null) return finish(input, input.endingText);
  if (input.trialText === null) return withoutTrial(input);
  const trial = parseTrial(input.trialText);
  if (trial === null) return unreadable(input);
  return onTrial(input, trial);
}

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
  return onProbation(input) ?? plainStart(input);
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
