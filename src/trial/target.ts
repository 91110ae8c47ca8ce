/**
 * Which release a way back leads to. A name is not believed: whatever is to run is hashed first, one release after the
 * other and only as far as that is needed (`look`). Pure, a part of trial.ts.
 *
 * 1. the known-good release, when it is whole;
 * 2. the one committed here last that is whole; the one that was gone back from here last is the last of them;
 * 3. the known-good one all the same, marked damaged: code that is a little wrong beats no code (P2);
 * 4. whatever else is complete, whole ones first: it was never committed here, and that is said.
 */
import { isBuildHash } from '../base/build-hash.ts';
import { type Decision, type Effect, plain, type TrialInput } from './decision.ts';

export interface Target {
  hash: string;
  /** What is wrong with it; '' for nothing. */
  damage: string;
  /** Those that would have come first and are not whole. */
  passedOver: { release: string; why: string }[];
  /** It was never committed here. */
  stranger: boolean;
}

/** A target; a release to hash before that can be told; or null: there is nothing to go to. */
export type Choice = Target | { look: string } | null;

/** Is this a release with all that a start needs? */
export function isComplete(input: TrialInput, hash: string | null | undefined): hash is string {
  return isBuildHash(hash) && input.complete.includes(hash);
}

/** `preferred`: in the order of trust. `never`: what is gone back from. `only`: nothing beside the preferred ones. */
export function chooseTarget(
  input: TrialInput,
  preferred: (string | null | undefined)[],
  never: string[],
  only = false,
): Choice {
  const usable = (hash: string | null | undefined): hash is string => isComplete(input, hash) && !never.includes(hash);
  const failedBefore = (hash: string): number => Number(input.avoid.includes(hash));
  // What was gone back from here last comes after the others that were committed, and still before code that is not whole.
  const committed = only ? [] : input.committed.toSorted((a, b) => failedBefore(a) - failedBefore(b));
  const trusted = [...new Set([...preferred, ...committed].filter(usable))];
  const choice = firstWhole(input, trusted);
  if (choice !== null || only) return choice;
  const others = input.complete.filter(usable);
  // One that failed here before is the last choice.
  const strangers = others.toSorted((a, b) => failedBefore(a) - failedBefore(b));
  const stranger = firstWhole(input, strangers);
  return stranger === null || 'look' in stranger ? stranger : { ...stranger, stranger: true };
}

/** The first one that is whole; where none is, the first one with what is wrong with it. */
function firstWhole(input: TrialInput, hashes: string[]): Choice {
  const unlooked = hashes.find((hash) => input.looked[hash] === undefined);
  const whole = hashes.find((hash) => input.looked[hash] === '');
  if (whole === undefined && unlooked !== undefined) return { look: unlooked };
  const hash = whole ?? hashes[0];
  if (hash === undefined) return null;
  const before = whole === undefined ? [] : hashes.slice(0, hashes.indexOf(whole));
  const passedOver = before.map((release) => ({ release, why: input.looked[release] ?? '' }));
  return { hash, damage: input.looked[hash] ?? '', passedOver, stranger: false };
}

/** Has the guard hash this release, and decide again. */
export function lookAt(hash: string): Decision {
  return {
    ...plain,
    kind: 'look',
    why: `is releases/${hash} whole?`,
    again: true,
    run: hash,
    fallback: hash,
    look: hash,
  };
}

/** How a hand brings a release to this disk, from a node that ran it where one is known (P8). */
export function howToBring(input: Pick<TrialInput, 'holders'>, hash: string): string {
  const from = (input.holders ?? []).find((one) => one.release === hash);
  const who =
    from === undefined
      ? 'a node that has it (`claudecluster status` says who runs what)'
      : `${from.nodeId} (${from.address}), which ran it when this node last saw it`;
  const host = from?.address.replace(/:\d+$/, '') ?? 'HOST';
  return `copy releases/${hash} here from ${who}: \`claudecluster node stage ${hash} --from ${from?.nodeId ?? 'NODE'}\`, or with the node's own files: \`rsync -a ${host}:BASE/releases/${hash}/ BASE/releases/${hash}/\``;
}

/** What is unusual about a target, in words for the log and the evidence; '' for nothing. */
export function wordsOf(target: Target | null, input: Pick<TrialInput, 'holders'>): string {
  if (target === null) return '';
  const { hash, damage, passedOver, stranger } = target;
  const words = passedOver.map((one) => `releases/${one.release} is not whole (${one.why})`);
  if (passedOver.length > 0) words.push(`releases/${hash} takes its place`);
  if (stranger) words.push(`releases/${hash} was never committed here`);
  if (damage !== '')
    words.push(
      `releases/${hash} is damaged (${damage}) and runs all the same, for no whole one is here; it is staged again by itself if it starts, and if it does not: ${howToBring(input, hash)}`,
    );
  return words.join('; ');
}

/** A reason with what is unusual about the target behind it. */
export function because(why: string, target: Target | null, input: Pick<TrialInput, 'holders'>): string {
  const words = wordsOf(target, input);
  return words === '' ? why : `${why}; ${words}`;
}

/** The marks for all that was found damaged on the way to it. */
export function marksOf(target: Target | null): Effect[] {
  if (target === null) return [];
  const { hash: release, damage: why, passedOver } = target;
  const damaged = why === '' ? passedOver : [...passedOver, { release, why }];
  return damaged.map((one) => ({ do: 'mark', ...one, bestEffort: true }));
}
