/**
 * What a start makes of a build that is committed and on probation: the count of boots stays in force. Pure, a part of
 * trial.ts, asked only where there is no trial.
 */

import { type Decision, distHash, type Effect, type Ended, plain, type TrialInput } from './decision.ts';
import {
  damageOf,
  type Probation,
  type ProbationCount,
  parseProbation,
  probationCountFile,
  probationEndingFile,
  probationFile,
  startsOf,
  unreadableProbationFile,
} from './probation-file.ts';
import { because, type Choice, chooseTarget, isComplete, lookAt, marksOf, type Target } from './target.ts';
import { endedTrialFile, type RollbackCause } from './trial-file.ts';

/** What a start makes of the probation; null: it changes nothing. */
export function onProbation(input: TrialInput): Decision | null {
  const probation = probationOf(input);
  return probation === null || input.reason !== 'start' ? null : counted(input, probation);
}

/** The probation of what dist points to; null: none, one of another release, or a file that cannot be read. */
export function probationOf(input: TrialInput): Probation | null {
  const probation = input.probationText === null ? null : parseProbation(input.probationText);
  return probation !== null && probation.release === distHash(input) ? probation : null;
}

/**
 * Removes what is no probation of what runs: of a trial that was not committed after all, a count without its probation,
 * or garbage, which is kept as evidence. Best effort: none of it may stop a start.
 */
export function tidyProbation(input: TrialInput): Effect[] {
  if (probationOf(input) !== null) return [];
  const effects: Effect[] = [];
  if (input.probationText !== null) {
    const unreadable = parseProbation(input.probationText) === null;
    if (unreadable) effects.push({ do: 'rename', from: probationFile, to: unreadableProbationFile, bestEffort: true });
    effects.push({ do: 'remove', name: probationFile, bestEffort: true });
  }
  if (input.probationCountText !== null) effects.push({ do: 'remove', name: probationCountFile, bestEffort: true });
  return effects;
}

function counted(input: TrialInput, probation: Probation): Decision {
  const { id, release, previous, bootsMax } = probation;
  // The guard removes the marker at every start, so one that is there is of the last run, in whichever boot that was.
  const wasHealthy = input.marker?.release === release;
  const starts = wasHealthy ? 0 : startsOf(probation, input.probationCountText);
  const run = { run: release, fallback: release };
  const value: ProbationCount = { v: 1, probation: id, starts: starts + 1 };
  if (starts < bootsMax) {
    return {
      ...plain,
      kind: 'probation',
      why: `start ${value.starts} of ${bootsMax} since it was last healthy, on probation after update ${probation.updateId}`,
      effects: [
        { do: 'write', name: probationCountFile, value },
        { do: 'remove', name: 'run/healthy.json' },
      ],
      ...run,
    };
  }
  // One bad disk says nothing against the build: it is hashed before it is blamed for the whole cluster (P10).
  const damage = isComplete(input, release) ? input.looked[release] : '';
  if (damage === undefined) return lookAt(release);
  const why = whyBack(probation, starts);
  const target = targetOf(input, probation, damage);
  if (target === null) {
    return { ...plain, kind: 'keep', why: `${why}; but releases/${previous} is not complete any more`, ...run };
  }
  if ('look' in target) return lookAt(target.look);
  // A verb is at work, an activation perhaps: it ends this probation, or the next start does.
  if (input.verbRuns) return { ...plain, kind: 'start', why: `${why}; a verb runs`, ...run };
  return {
    ...plain,
    kind: 'roll-back',
    why,
    effects: [
      // For whoever finishes this; a disk that takes no note of it keeps nobody from going back.
      ...(damage === ''
        ? []
        : [{ do: 'write', name: probationCountFile, value: { ...value, starts, damage }, bestEffort: true } as const]),
      { do: 'claim', from: probationFile, to: probationEndingFile },
    ],
    again: true,
    needsLock: true,
    run: target.hash,
    fallback: target.hash,
    rollback: { trial: endedOf(probation), cause: causeOf(damage), why: because(why, target, input) },
  };
}

/** The release before, or what takes its place; a release that nobody committed here is worse than one that was. */
function targetOf(input: TrialInput, { previous, release }: Probation, damage: string): Choice {
  const target = chooseTarget(input, [previous], [release]);
  if (target === null || 'look' in target) return target;
  return target.stranger ? null : passing(target, release, damage);
}

/** In words, and by a mark that has the leader stage it again: a release that is not whole is passed over. */
function passing(target: Target, release: string, damage: string): Target {
  return damage === '' ? target : { ...target, passedOver: [{ release, why: damage }, ...target.passedOver] };
}

function whyBack({ updateId }: Probation, starts: number): string {
  return `committed by update ${updateId}, then started ${starts} times without becoming healthy`;
}

/** What dist leads to already. */
function at(hash: string): Target {
  return { hash, damage: '', passedOver: [], stranger: false };
}

function causeOf(damage: string): RollbackCause {
  return damage === '' ? 'probation' : 'damaged';
}

function endedOf(probation: Probation): Ended {
  const { id, updateId, release, previous, epoch } = probation;
  return { id, updateId, release, knownGood: previous, epoch };
}

/**
 * Finishes a way back that claimed the probation, whoever looks first: evidence, the switch, and the end of the file, each
 * of which may be done already. null: no such thing, or `dist` has to be repaired first. `usable`: what dist leads to runs.
 */
export function finishProbation(input: TrialInput, usable: boolean): Decision | null {
  if (input.probationEndingText === null) return null;
  const probation = parseProbation(input.probationEndingText);
  const dist = distHash(input);
  const switched = probation !== null && probation.release !== dist;
  const damage = probation === null ? '' : damageOf(probation, input.probationCountText);
  const target = probation === null || switched ? null : targetOf(input, probation, damage);
  if (target !== null && 'look' in target) return lookAt(target.look);
  const back = target !== null;
  if (!back && !usable) return null;
  const run = back ? target.hash : (dist ?? 'dist');
  // Switched already, or nothing to switch to: only its files are left.
  const done = back || (switched && (probation.previous === dist || input.committed.includes(dist ?? '')));
  const cause = causeOf(damage);
  const ended = probation === null ? 'a claimed probation cannot be read' : whyBack(probation, probation.bootsMax);
  const there = switched && dist !== null ? passing(at(dist), probation.release, damage) : null;
  const why = because(ended, target ?? there, input);
  const trial = probation === null ? null : endedOf(probation);
  const effects: Effect[] = [];
  if (done) effects.push({ do: 'evidence', trial, cause, why, to: run, bestEffort: true });
  // One that is not whole keeps its place among those that were committed.
  if (done && probation !== null && damage === '') {
    effects.push({ do: 'forget', hash: probation.release, bestEffort: true });
  }
  effects.push(...marksOf(target));
  if (back) effects.push({ do: 'link', name: 'dist', hash: target.hash });
  const kept = probation === null ? unreadableProbationFile : endedTrialFile;
  // By rename, as the trial's: what failed here is known even where the evidence found no room. Of a release that is not
  // whole nothing failed but the disk, and what is kept would blame the build.
  const keep: Effect[] = damage === '' ? [{ do: 'rename', from: probationEndingFile, to: kept, bestEffort: true }] : [];
  return {
    ...plain,
    kind: 'finish',
    why,
    effects: [
      ...effects,
      ...keep,
      { do: 'remove', name: probationEndingFile },
      // Last: whoever finishes this a second time reads from it what was wrong.
      { do: 'remove', name: probationCountFile, bestEffort: true },
    ],
    again: true,
    run,
    fallback: run,
    rollback: done ? { trial, cause, why } : null,
  };
}
