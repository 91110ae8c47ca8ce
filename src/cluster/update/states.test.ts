import { describe, expect, it } from 'vitest';
import { endedStates, inFlightPhases, taskTransitions, updateTransitions } from './states.ts';

const reachable = <S extends string>(table: Record<S, readonly S[]>, from: S, without: readonly S[] = []): Set<S> => {
  const seen = new Set<S>([from]);
  for (const state of seen) for (const next of table[state]) if (!without.includes(next)) seen.add(next);
  return seen;
};

describe('the states of a node in an update', () => {
  it('can all be reached, and each leads to an end', () => {
    const all = Object.keys(taskTransitions) as (keyof typeof taskTransitions)[];
    expect([...reachable(taskTransitions, 'pending')].sort()).toEqual(all.sort());
    for (const phase of all) {
      const ends = [...reachable(taskTransitions, phase)].filter((one) => taskTransitions[one].length === 0);
      expect(ends, phase).not.toEqual([]);
    }
  });

  it('let nothing be committed that was not on trial, but for one that took its commit and was silent', () => {
    expect(reachable(taskTransitions, 'pending', ['trial', 'rolling-back']).has('committed')).toBe(false);
  });

  it('never leave a trial but by commit or by going back', () => {
    expect([...taskTransitions.trial].sort()).toEqual(['committed', 'rolled-back', 'rolling-back']);
  });

  it('end where nothing is in flight any more', () => {
    for (const phase of inFlightPhases) expect(taskTransitions[phase], phase).not.toEqual([]);
  });
});

describe('the states of an update', () => {
  it('go no further from an end', () => {
    for (const state of endedStates) expect(updateTransitions[state]).toEqual([]);
  });

  it('can revert once only', () => {
    expect(reachable(updateTransitions, 'reverting').has('running')).toBe(false);
    expect(updateTransitions.reverting).not.toContain('reverting');
    expect([...updateTransitions.reverting].sort()).toEqual(['aborted', 'reverted']);
  });
});
