/** What `dist` leads to, and what is done when it leads nowhere (P2). Pure. */
import { type Decision, distHash, type Effect, plain, type TrialInput } from './decision.ts';
import { tidyProbation } from './probation.ts';
import { because, howToBring, isComplete, marksOf, type Target } from './target.ts';
import { convertFile } from './trial-file.ts';

export function distIsUsable(input: TrialInput): boolean {
  if (input.dist.kind === 'directory') return true;
  return input.dist.kind === 'link' && (input.dist.foreign || isComplete(input, input.dist.hash));
}

export function runDist(input: TrialInput): string | 'dist' | null {
  if (!distIsUsable(input)) return null;
  return distHash(input) ?? 'dist';
}

export function repair(input: TrialInput, target: Target, why: string): Decision {
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
export function stuck(input: TrialInput, knownGood?: string): Decision {
  const wanted = input.distBak?.hash ?? knownGood ?? distHash(input) ?? input.committed[0] ?? 'HASH';
  const why = `no release on this disk is complete enough to start: ${howToBring(input, wanted)}`;
  return { ...plain, kind: 'stuck', why, run: null, fallback: null };
}

export function idle(input: TrialInput, why: string): Decision {
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
