/** Starts of a committed release that does not become healthy: counted, hashed, and replaced where it has rotted. */
import { expect, it } from 'vitest';
import type { Decision, Effect, TrialInput } from './decision.ts';
import { startsBeforeLook, startsFile } from './start-count.ts';
import { decide } from './trial.ts';

const [good, old, staged] = ['a', 'b', 'c'].map((one) => one.repeat(64)) as [string, string, string];

function committed(changes: Partial<TrialInput> = {}): TrialInput {
  return {
    reason: 'start',
    trialText: null,
    endingText: null,
    progressText: null,
    probationText: null,
    probationEndingText: null,
    probationCountText: null,
    startsText: null,
    dist: { kind: 'link', hash: good, foreign: false },
    distBak: null,
    complete: [staged, good, old],
    committed: [good, old],
    looked: {},
    convertingTo: null,
    convertingDir: false,
    avoid: [],
    bootId: 'boot-1',
    nowMs: 1_000,
    marker: null,
    verbRuns: false,
    ...changes,
  };
}

const counted = (starts: number, release = good): string => JSON.stringify({ v: 1, release, starts });
const last = counted(startsBeforeLook - 1);
const marker = { incarnation: 'i1', release: good, bootId: 'boot-0', atMs: 1 };

/** As the guard does it: hashes what is asked for. Returns the decision and what was hashed, in order. */
function settle(input: TrialInput, damaged: string[] = []): { decision: Decision; hashed: string[] } {
  const looked: Record<string, string> = {};
  for (;;) {
    const decision = decide({ ...input, looked });
    if (decision.look === undefined) return { decision, hashed: Object.keys(looked) };
    looked[decision.look] = damaged.includes(decision.look) ? 'rot' : '';
  }
}

const written = ({ effects }: Decision): unknown =>
  effects.find((one): one is Effect & { do: 'write' } => one.do === 'write' && one.name === startsFile)?.value;

it('a start after a healthy run hashes nothing, counts nothing, and ends the count', () => {
  const fresh = settle(committed({ marker }));
  expect(fresh.hashed).toEqual([]);
  expect(fresh.decision.effects).toEqual([{ do: 'remove', name: 'run/healthy.json', bestEffort: true }]);
  const after = settle(committed({ marker, startsText: last }), [good]);
  expect([after.hashed, after.decision.kind, after.decision.run]).toEqual([[], 'start', good]);
  expect(after.decision.effects).toContainEqual({ do: 'remove', name: startsFile, bestEffort: true });
});

it('starts without becoming healthy are counted, release by release, and garbage begins the count anew', () => {
  expect(written(settle(committed()).decision)).toEqual({ v: 1, release: good, starts: 1 });
  expect(written(settle(committed({ startsText: counted(1) })).decision)).toMatchObject({ starts: 2 });
  for (const startsText of [counted(2, old), 'garbage', '{"v":2}']) {
    expect(written(settle(committed({ startsText })).decision)).toMatchObject({ starts: 1 });
  }
});

it('one that rotted makes room for the newest committed release that is whole, under the lock, and says so (P2, P7)', () => {
  const { decision, hashed } = settle(committed({ startsText: last }), [good]);
  expect(hashed).toEqual([good, old]);
  expect(decision).toMatchObject({ kind: 'repair', run: old, fallback: old, again: true, needsLock: true });
  expect(decision.effects).toEqual([
    { do: 'mark', release: good, why: 'rot', bestEffort: true },
    { do: 'link', name: 'dist', hash: old },
  ]);
  expect(decision.why).toContain(`releases/${good} is not whole (rot); releases/${old} takes its place`);
});

it('one that is whole is started as before, and hashed again only after as many starts more', () => {
  let startsText = last;
  const looks: number[] = [];
  for (let start = startsBeforeLook; start <= 3 * startsBeforeLook; start += 1) {
    const { decision, hashed } = settle(committed({ startsText }));
    expect([decision.run, decision.again]).toEqual([good, false]);
    if (hashed.length > 0) looks.push(start);
    startsText = JSON.stringify(written(decision));
  }
  expect(looks).toEqual([1, 2, 3].map((times) => times * startsBeforeLook));
});

it('with none whole it runs marked damaged, and a stranger never takes its place', () => {
  const { decision } = settle(committed({ startsText: last, committed: [good] }), [good]);
  expect(decision).toMatchObject({ run: good, again: false });
  expect(decision.why).toContain('runs all the same');
  expect(decision.effects).toContainEqual({ do: 'mark', release: good, why: 'rot', bestEffort: true });
  expect(written(decision)).toMatchObject({ starts: startsBeforeLook });
});

it('while a verb is at work, at a tick and before a verb nothing is hashed, and the count stays', () => {
  for (const changes of [{ verbRuns: true }, { reason: 'tick' }, { reason: 'verb' }] as const) {
    const { decision, hashed } = settle(committed({ startsText: last, ...changes }), [good]);
    expect([hashed, decision.run, written(decision)]).toEqual([[], good, undefined]);
  }
});
