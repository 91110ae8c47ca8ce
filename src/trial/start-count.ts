/**
 * A plain start believes the release that dist leads to, and hashes nothing: until it was started a few times in a row
 * without becoming healthy. Rot at rest may be why, so it is hashed then, and whole code takes its place (P2, P3, P7).
 * Code that is whole and does not come up is started as before: another release is no cure for a port that is taken.
 */
import { join } from 'node:path';
import { type Decision, distHash, plain, type TrialInput } from './decision.ts';
import { idle, repair } from './repair.ts';
import { because, chooseTarget, isComplete, lookAt, marksOf } from './target.ts';
import { fieldsOf, isCount } from './trial-file.ts';

/** Which release, and how often it was started since it was last healthy. Builds that know no such file leave it alone. */
export const startsFile = join('data', 'starts.json');

interface StartCount {
  v: 1;
  /** buildHash: a count of another one means nothing. */
  release: string;
  /** Starts, each of which found no sign that the one before had become healthy. */
  starts: number;
}

/** So many starts in a row without becoming healthy, and the next one is hashed first; and again after as many more. */
export const startsBeforeLook = 3;

/** What a start makes of a release with neither a trial nor a probation; a tick or a verb changes nothing. */
export function plainStart(input: TrialInput): Decision {
  const start = idle(input, 'no trial');
  const release = distHash(input);
  if (input.reason !== 'start' || !isComplete(input, release)) return start;
  // The guard removes the marker at every start, so one that is there is of the last run: the count ends with it.
  if (input.marker?.release === release) {
    if (input.startsText === null) return start;
    return { ...start, effects: [...start.effects, { do: 'remove', name: startsFile, bestEffort: true }] };
  }
  const value: StartCount = { v: 1, release, starts: startsOf(release, input.startsText) + 1 };
  const counted: Decision = {
    ...start,
    // Best effort: a disk that takes no count must not keep a committed release from running (P2).
    effects: [...start.effects, { do: 'write', name: startsFile, value, bestEffort: true }],
  };
  return value.starts % startsBeforeLook === 0 ? whole(input, release, counted) : counted;
}

/** Hashes what is to be started, and what would take its place. */
function whole(input: TrialInput, release: string, start: Decision): Decision {
  // A verb is at work, and may be putting the release right: the count stays, and the next start looks.
  if (input.verbRuns) return { ...plain, kind: 'start', why: 'a verb runs', run: release, fallback: release };
  const target = chooseTarget(input, [release], []);
  if (target !== null && 'look' in target) return lookAt(target.look);
  if (target === null) return start;
  const often = 'started again and again without becoming healthy';
  if (target.hash !== release) return { ...repair(input, target, often), needsLock: true };
  if (target.damage === '') return { ...start, kind: 'clear', why: `${often}; releases/${release} is whole` };
  return {
    ...start,
    kind: 'clear',
    why: because(often, target, input),
    effects: [...marksOf(target), ...start.effects],
  };
}

/** Starts counted so far; what cannot be read counts as none: the count begins anew. */
function startsOf(release: string, text: string | null): number {
  const f = text === null ? null : fieldsOf(text);
  if (f === null || f.v !== 1 || f.release !== release || !isCount(f.starts)) return 0;
  return f.starts;
}
