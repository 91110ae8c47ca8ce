/**
 * Which version is where in a mixed world, from the seed: which one every node begins with, who was left behind on the
 * other one, and of which one the builds are that somebody brings in. A world of one version has nothing to tell.
 */
import type { Random } from './random.ts';
import type { Side } from './types.ts';

export interface Story {
  /** Of the release that the cluster begins with, and of the one before it. */
  first: Side;
  older: Side;
  /** One node still runs the release before. */
  straggler: boolean;
  /** Of the next build that is brought in; the first one of them is the update's target. */
  next(): Side;
}

/** `sides`: this version's, then those of before, the newest first. */
export function createStory(sides: Side[], random: Random): Story {
  const [head, ...before] = sides as [Side, ...Side[]];
  const [newest, ...older] = before;
  if (newest === undefined) return { first: head, older: head, straggler: false, next: () => head };
  const old = older.length > 0 && random.chance(0.15) ? random.pick(older) : newest;
  const other = (side: Side): Side => (side === head ? old : head);
  const first = random.chance(0.65) ? old : head;
  let target: Side | null = null;
  return {
    first,
    older: random.chance(0.7) ? other(first) : first,
    straggler: random.chance(0.2),
    next() {
      if (target !== null) return random.pick([head, old]);
      target = random.chance(0.85) ? other(first) : first;
      return target;
    },
  };
}
