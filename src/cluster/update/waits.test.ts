import { describe, expect, it } from 'vitest';
import type { StepOutcome } from './record-step.ts';
import type { Step } from './step.ts';
import { noteAwait, noteStep, waitsAt } from './waits.ts';

const ok: StepOutcome = { kind: 'ok', ms: 1 };
const drain: Step = { kind: 'drain', nodeId: 'n2', address: 'n2:1' };
const commit: Step = { kind: 'commit', nodeId: 'n2', address: 'n2:1' };
const move: Step = { kind: 'moveRaftLeader', from: 'n3', to: 'n2' };

describe('the bookkeeping of waits', () => {
  it('begins an await once and lets it grow', () => {
    const since = new Map<string, number>();
    noteAwait(since, 'gate:n2', 100);
    noteAwait(since, 'gate:n2', 500);
    expect(waitsAt(since, 700)).toEqual({ 'gate:n2': 600 });
  });

  it('is at least 1 for what began this very moment: 0 means that it did not', () => {
    const since = new Map<string, number>();
    noteStep(since, drain, ok, 100);
    expect(waitsAt(since, 100)).toEqual({ 'first:drain:n2': 1, 'last:drain:n2': 1 });
  });

  it('keeps when a step was first done, and when last', () => {
    const since = new Map<string, number>();
    noteStep(since, drain, { kind: 'retry', ms: 1, seen: 'no answer' }, 100);
    noteStep(since, drain, ok, 300);
    expect(waitsAt(since, 400)).toEqual({ 'first:drain:n2': 300, 'last:drain:n2': 100 });
  });

  it("forgets a node's waits when its part ended, and no other node's", () => {
    const since = new Map<string, number>();
    noteAwait(since, 'stable:n2', 100);
    noteAwait(since, 'gate:n3', 100);
    noteStep(since, commit, ok, 300);
    expect(waitsAt(since, 400)).toEqual({ 'gate:n3': 300 });
  });

  it('forgets nothing when the end of its part was not taken', () => {
    const since = new Map<string, number>();
    noteAwait(since, 'stable:n2', 100);
    noteStep(since, commit, { kind: 'retry', ms: 1, seen: 'no answer' }, 300);
    expect(waitsAt(since, 400)['stable:n2']).toBe(300);
  });

  it('gives a leader that has to move again later the whole time', () => {
    const since = new Map<string, number>();
    noteStep(since, move, ok, 100);
    expect(waitsAt(since, 200)['first:moveRaftLeader:n2']).toBe(100);
    noteStep(since, drain, ok, 300);
    expect(waitsAt(since, 400)['first:moveRaftLeader:n2']).toBeUndefined();
  });
});
