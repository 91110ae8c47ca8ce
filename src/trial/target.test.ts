/** Which release a way back leads to when names cannot be believed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planRollback } from './back.ts';
import type { Decision, TrialInput } from './decision.ts';
import { decide } from './trial.ts';
import type { Trial } from './trial-file.ts';

const [good, bad, old, older, staged] = ['a', 'b', 'c', 'd', 'e'].map((one) => one.repeat(64)) as [
  string,
  string,
  string,
  string,
  string,
];
const names: Record<string, string> = {
  [good]: 'good',
  [old]: 'old',
  [older]: 'older',
  [staged]: 'staged',
  [bad]: 'bad',
};

const trial: Trial = {
  v: 1,
  id: 't1',
  service: 's',
  updateId: 'u1',
  release: bad,
  knownGood: good,
  epoch: 1,
  bootId: 'b1',
  startedAtMs: 0,
  healthTimeoutMs: 60_000,
  trialMs: 120_000,
  bootsMax: 3,
  armedAt: 'x',
};

/** A trial out of starts. */
function spent(changes: Partial<TrialInput> = {}): TrialInput {
  const counted = { v: 1, trial: 't1', bootsUsed: 3, bootId: 'b1', startedAtMs: 0, healthyFromMs: 0, ending: null };
  return {
    reason: 'start',
    trialText: JSON.stringify(trial),
    endingText: null,
    progressText: JSON.stringify(counted),
    probationText: null,
    probationEndingText: null,
    probationCountText: null,
    startsText: null,
    dist: { kind: 'link', hash: bad, foreign: false },
    distBak: { hash: good },
    complete: [bad, staged, older, good, old],
    committed: [good, old, older],
    looked: {},
    convertingTo: null,
    convertingDir: false,
    avoid: [],
    bootId: 'b1',
    nowMs: 1_000,
    marker: null,
    verbRuns: false,
    ...changes,
  };
}

/** As the guard does it: hashes what is asked for. Returns the decision and what was hashed, in order. */
function settle(input: TrialInput, damaged: string[]): { decision: Decision; hashed: string[] } {
  const hashed: string[] = [];
  const looked: Record<string, string> = {};
  for (;;) {
    const decision = decide({ ...input, looked });
    if (decision.look === undefined) return { decision, hashed: hashed.map((hash) => names[hash] ?? hash) };
    hashed.push(decision.look);
    looked[decision.look] = damaged.includes(decision.look) ? 'rot' : '';
  }
}

const claimed = (changes: Partial<TrialInput> = {}): TrialInput =>
  spent({ trialText: null, endingText: JSON.stringify(trial), ...changes });

const marks = (decision: Decision): string[] =>
  decision.effects.flatMap((effect) => (effect.do === 'mark' ? [names[effect.release] ?? ''] : []));
const leadsTo = (decision: Decision): string => {
  const link = decision.effects.find((effect) => effect.do === 'link' || effect.do === 'rename');
  return link?.do === 'link' ? (names[link.hash] ?? '') : link?.do === 'rename' ? 'dist.bak' : '';
};

describe('a way back', () => {
  it('leads to the known-good release when its hash is right, and hashes no other one', () => {
    const { decision, hashed } = settle(claimed(), []);
    expect([decision.run, leadsTo(decision), hashed, marks(decision)]).toEqual([good, 'dist.bak', ['good'], []]);
  });

  it('leads to the one committed last before it when the known-good one is not whole, and says so (P7)', () => {
    const { decision, hashed } = settle(claimed(), [good]);
    expect([decision.run, leadsTo(decision), hashed, marks(decision)]).toEqual([old, 'old', ['good', 'old'], ['good']]);
    expect(decision.rollback?.why).toContain(`releases/${good} is not whole (rot); releases/${old} takes its place`);
    expect(decision.effects.find((effect) => effect.do === 'evidence')).toMatchObject({
      to: old,
      why: decision.rollback?.why,
    });
  });

  it('goes further back as long as nothing is whole', () => {
    expect(settle(claimed(), [good, old]).decision.run).toBe(older);
  });

  it('runs the known-good one marked damaged when no committed one is whole, and not what was only staged', () => {
    const { decision } = settle(claimed(), [good, old, older]);
    expect([decision.run, leadsTo(decision), marks(decision)]).toEqual([good, 'dist.bak', ['good']]);
    expect(decision.rollback?.why).toContain('is damaged (rot) and runs all the same');
  });

  it('does the same on a node that an older build committed: only dist.bak names what was', () => {
    expect(settle(claimed({ committed: [] }), [good]).decision.run).toBe(good);
  });

  it('takes another committed one where the known-good one is not even complete', () => {
    const { decision } = settle(claimed({ complete: [bad, staged, old] }), []);
    expect([decision.run, leadsTo(decision)]).toEqual([old, 'old']);
  });

  it('takes what was never committed here only where nothing else is complete, and says so', () => {
    const { decision } = settle(claimed({ complete: [bad, staged] }), []);
    expect(decision.run).toBe(staged);
    expect(decision.why).toContain('was never committed here');
  });

  it('does not go to a committed release that failed here since', () => {
    expect(settle(claimed({ avoid: [old] }), [good]).decision.run).toBe(older);
  });

  it('goes to a committed release that failed here since before it runs what is not whole', () => {
    const { decision } = settle(claimed({ avoid: [old] }), [good, older]);
    expect([decision.run, leadsTo(decision), marks(decision)]).toEqual([old, 'old', ['good', 'older']]);
  });

  it('names what runs on a disk that takes no switch only after it was hashed', () => {
    const { decision, hashed } = settle(spent(), [good]);
    expect(decision).toMatchObject({ kind: 'roll-back', run: old, fallback: old });
    expect(hashed).toEqual(['good', 'old']);
  });

  it('asked for by a leader is not decided before the release was hashed', () => {
    expect(planRollback(spent(), trial, 'leader', 'x')).toMatchObject({ kind: 'look', look: good });
    expect(planRollback(spent({ looked: { [good]: '' } }), trial, 'leader', 'x')).toMatchObject({ run: good });
  });

  it('out of a probation follows the same rules, but for releases that nobody committed', () => {
    const probation = {
      v: 1,
      id: 't1',
      service: 's',
      updateId: 'u1',
      release: bad,
      previous: good,
      epoch: 1,
      bootsMax: 3,
      committedAt: 'x',
    };
    const fallen = spent({
      trialText: null,
      progressText: null,
      distBak: null,
      committed: [bad, good, old],
      probationEndingText: JSON.stringify(probation),
    });
    const { decision } = settle(fallen, [good]);
    expect([decision.run, marks(decision)]).toEqual([old, ['good']]);
    expect(decision.effects).toContainEqual({ do: 'forget', hash: bad, bestEffort: true });
    const counted = JSON.stringify({ v: 1, probation: 't1', starts: 3 });
    const alone = { complete: [bad, staged], probationText: JSON.stringify(probation), probationCountText: counted };
    expect(settle({ ...fallen, probationEndingText: null, ...alone }, []).decision).toMatchObject({
      kind: 'keep',
      run: bad,
    });
  });
});

describe('a start without a trial', () => {
  const settled = (changes: Partial<TrialInput> = {}): TrialInput =>
    spent({
      trialText: null,
      progressText: null,
      distBak: null,
      dist: { kind: 'link', hash: good, foreign: false },
      ...changes,
    });

  it('hashes nothing: that is the business of the supervisor and of the hourly look', () => {
    expect(settle(settled(), [good])).toMatchObject({ decision: { kind: 'start', run: good }, hashed: [] });
  });

  it('where dist leads nowhere goes to the last whole one that was committed here', () => {
    const lost = settled({ complete: [staged, old, older] });
    expect(settle(lost, []).decision).toMatchObject({ kind: 'repair', run: old });
    expect(settle(lost, [old]).decision).toMatchObject({ kind: 'repair', run: older });
    expect(settle(lost, [old, older]).decision).toMatchObject({ kind: 'repair', run: old });
  });

  it('of a half-done conversion takes the old directory back where the release is not whole', () => {
    const half = settled({ dist: { kind: 'missing' }, convertingTo: good, convertingDir: true, committed: [] });
    expect(settle(half, []).decision).toMatchObject({ kind: 'repair', run: good });
    expect(settle(half, [good]).decision).toMatchObject({ kind: 'repair', run: 'dist' });
  });

  it('names the node to copy from where one was seen with it, for a release that may not start as for one that is not there (P8)', () => {
    const holders = [
      { nodeId: 'n2', address: '10.0.0.2:7000', release: old },
      { nodeId: 'n3', address: 'host-3:7000', release: good },
    ];
    const words = ['from n3 (host-3:7000)', `node stage ${good} --from n3`, `rsync -a host-3:BASE/releases/${good}/`];
    const texts = [
      settle(settled({ complete: [], holders }), []).decision.why,
      settle(claimed({ complete: [bad, good], committed: [good], holders }), [good]).decision.why,
    ];
    for (const text of texts) for (const word of words) expect(text).toContain(word);
  });

  it('with nothing complete on the disk is stuck, and says which release to bring and how (P8)', () => {
    const { decision } = settle(settled({ complete: [] }), []);
    expect(decision).toMatchObject({ kind: 'stuck', run: null });
    expect(decision.why).toContain(`claudecluster node stage ${good} --from NODE`);
    expect(decision.why).toContain(`BASE/releases/${good}/`);
  });
});

describe('whatever is damaged', () => {
  const all = [good, old, older, staged];
  const anything = fc.record({
    damaged: fc.subarray(all),
    missing: fc.subarray(all),
    committed: fc.shuffledSubarray([good, old, older]),
    bak: fc.constantFrom(good, old, null),
    claimed: fc.boolean(),
  });

  it('a way back leads to whole code that was committed here as long as there is some, and never hashes a tree twice', () => {
    fc.assert(
      fc.property(anything, ({ damaged, missing, committed, bak, claimed: isClaimed }) => {
        const complete = [bad, ...all].filter((hash) => !missing.includes(hash));
        const distBak = bak === null ? null : { hash: bak };
        const input = (isClaimed ? claimed : spent)({ complete, committed, distBak });
        const { decision, hashed } = settle(input, damaged);
        expect(new Set(hashed).size).toBe(hashed.length);
        const trusted = new Set([good, bak, ...committed].filter((hash) => hash !== null && complete.includes(hash)));
        const whole = [...trusted].filter((hash) => !damaged.includes(String(hash)));
        if (whole.length > 0) expect(whole).toContain(decision.run);
        else if (trusted.size > 0) expect([...trusted]).toContain(decision.run);
        if (complete.length > 1) expect(decision.run).not.toBe(bad);
      }),
      { numRuns: 2_000 },
    );
  });
});
