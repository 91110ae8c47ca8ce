import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planRollback } from './back.ts';
import type { Decision, TrialInput } from './decision.ts';
import { type Probation, parseProbation } from './probation-file.ts';
import { decide } from './trial.ts';
import { parseProgress, parseTrial, type Trial, type TrialProgress } from './trial-file.ts';

const good = 'a'.repeat(64);
const bad = 'b'.repeat(64);
const old = 'c'.repeat(64);

const trial: Trial = {
  v: 1,
  id: 't1',
  service: 'claudecluster',
  updateId: 'u1',
  release: bad,
  knownGood: good,
  epoch: 4,
  bootId: 'boot-1',
  startedAtMs: 1000,
  healthTimeoutMs: 60_000,
  trialMs: 120_000,
  bootsMax: 3,
  armedAt: '2026-01-01T00:00:00.000Z',
};
const progress: TrialProgress = {
  v: 1,
  trial: 't1',
  bootsUsed: 1,
  bootId: 'boot-1',
  startedAtMs: 1000,
  healthyFromMs: 1000,
  ending: null,
};
const probation: Probation = {
  v: 1,
  id: 't1',
  service: 'claudecluster',
  updateId: 'u1',
  release: bad,
  previous: good,
  epoch: 4,
  bootsMax: 3,
  committedAt: '2026-01-01T00:00:00.000Z',
};
const marker = { incarnation: 'i1', release: bad, bootId: 'boot-1', atMs: 5000 };

/** A node in the middle of its trial, second by second as given. */
function onTrial(changes: Partial<TrialInput> = {}, counted: Partial<TrialProgress> = {}): TrialInput {
  return {
    reason: 'start',
    trialText: JSON.stringify(trial),
    endingText: null,
    progressText: JSON.stringify({ ...progress, ...counted }),
    probationText: null,
    probationEndingText: null,
    probationCountText: null,
    startsText: null,
    dist: { kind: 'link', hash: bad, foreign: false },
    distBak: { hash: good },
    complete: [bad, good, old],
    committed: [],
    looked: { [good]: '', [old]: '' },
    convertingTo: null,
    convertingDir: false,
    avoid: [],
    bootId: 'boot-1',
    nowMs: 2000,
    marker: null,
    verbRuns: false,
    ...changes,
  };
}

function settled(changes: Partial<TrialInput> = {}): TrialInput {
  const dist = { kind: 'link', hash: good, foreign: false } as const;
  return onTrial({ trialText: null, progressText: null, distBak: null, dist, ...changes });
}

const written = (decision: Decision): unknown => decision.effects.find((effect) => effect.do === 'write')?.value;
const link = (decision: Decision): unknown => decision.effects.find((effect) => effect.do === 'link');

describe('a start on trial', () => {
  it('is counted, and the old healthy marker goes', () => {
    const decision = decide(onTrial());
    expect(decision).toMatchObject({ kind: 'count', run: bad, fallback: good, again: false });
    expect(written(decision)).toMatchObject({ bootsUsed: 2 });
    expect(decision.effects.at(-1)).toEqual({ do: 'remove', name: 'run/healthy.json' });
  });

  it('is the first one where no progress was written yet, or only that of another trial', () => {
    expect(written(decide(onTrial({ progressText: null })))).toMatchObject({ bootsUsed: 1, trial: 't1' });
    expect(written(decide(onTrial({}, { trial: 't0', bootsUsed: 3 })))).toMatchObject({ bootsUsed: 1 });
  });

  it('with no start left rolls back', () => {
    expect(decide(onTrial({}, { bootsUsed: 3 }))).toMatchObject({
      kind: 'roll-back',
      run: good,
      rollback: { cause: 'boots' },
    });
  });

  it('after a reboot starts the deadlines anew and counts all the same', () => {
    const decision = decide(onTrial({ bootId: 'boot-2', nowMs: 50 }));
    expect(decision.kind).toBe('count');
    expect(written(decision)).toMatchObject({ bootsUsed: 2, bootId: 'boot-2', startedAtMs: 50, healthyFromMs: 50 });
  });

  it('after the third reboot rolls back, however little time has passed', () => {
    expect(decide(onTrial({ bootId: 'boot-9', nowMs: 1 }, { bootsUsed: 3 })).rollback?.cause).toBe('boots');
  });

  it('with a clock that shows less than before starts the deadlines anew', () => {
    expect(written(decide(onTrial({ nowMs: 10 })))).toMatchObject({ startedAtMs: 10 });
  });

  it('past the commit deadline rolls back, healthy or not', () => {
    expect(decide(onTrial({ nowMs: 121_000, marker })).rollback?.cause).toBe('commit-deadline');
  });

  it('after a process that had become healthy gives the whole time to become so again', () => {
    expect(written(decide(onTrial({ nowMs: 70_000, marker })))).toMatchObject({
      healthyFromMs: 70_000,
      startedAtMs: 1000,
    });
  });

  it('of a release that is not complete on disk rolls back', () => {
    expect(decide(onTrial({ complete: [good] })).kind).toBe('roll-back');
  });
});

describe('a tick on trial', () => {
  it('within both deadlines changes nothing', () => {
    expect(decide(onTrial({ reason: 'tick', nowMs: 60_999 }))).toMatchObject({ kind: 'watch', effects: [], run: bad });
  });

  it('rolls back at the healthy deadline, to the millisecond', () => {
    expect(decide(onTrial({ reason: 'tick', nowMs: 61_000 })).rollback?.cause).toBe('healthy-deadline');
  });

  it('past the healthy deadline goes on when the marker is of this release and this boot', () => {
    expect(decide(onTrial({ reason: 'tick', nowMs: 61_000, marker })).kind).toBe('watch');
    const others = [
      { ...marker, release: good },
      { ...marker, bootId: 'boot-0' },
    ];
    for (const other of others) {
      expect(decide(onTrial({ reason: 'tick', nowMs: 61_000, marker: other })).kind).toBe('roll-back');
    }
  });

  it('does not use up starts', () => {
    expect(decide(onTrial({ reason: 'tick' }, { bootsUsed: 3 })).kind).toBe('watch');
  });
});

describe('a rollback', () => {
  it('says why before it claims the trial, and claims it before it switches', () => {
    const { effects } = decide(onTrial({}, { bootsUsed: 3 }));
    expect(effects.map((effect) => effect.do)).toEqual(['write', 'claim']);
  });

  it('that claimed the trial is finished by renaming dist.bak, which needs no room', () => {
    const counted = { ending: { cause: 'leader', why: 'no heartbeat' } } as const;
    const decision = decide(onTrial({ trialText: null, endingText: JSON.stringify(trial) }, counted));
    expect(decision).toMatchObject({ kind: 'finish', run: good, rollback: { cause: 'leader', why: 'no heartbeat' } });
    expect(decision.effects).toContainEqual({ do: 'rename', from: 'dist.bak', to: 'dist' });
    expect(decision.effects.at(-1)).toEqual({ do: 'remove', name: 'trial.ending.json' });
  });

  it('that had switched already is only tidied up', () => {
    const dist = { kind: 'link', hash: good, foreign: false } as const;
    const decision = decide(onTrial({ trialText: null, endingText: JSON.stringify(trial), dist, distBak: null }));
    expect(decision.effects.map((effect) => effect.do)).toEqual(['evidence', 'remove', 'rename', 'remove']);
  });

  it.each([
    ['dist.bak is gone', { distBak: null }, good],
    ['dist.bak is no link of ours', { distBak: { hash: null } }, good],
    ['dist.bak and the known-good release are gone', { distBak: { hash: good }, complete: [bad, old] }, old],
    ['dist.bak names the very release on trial', { distBak: { hash: bad } }, good],
  ])('where %s makes a new link', (_, changes, wanted) => {
    const decision = decide(onTrial({ trialText: null, endingText: JSON.stringify(trial), ...changes }));
    expect(link(decision)).toEqual({ do: 'link', name: 'dist', hash: wanted });
  });

  it('with nothing to go back to keeps what runs, and says so', () => {
    const decision = decide(onTrial({ complete: [bad] }, { bootsUsed: 3 }));
    expect(decision).toMatchObject({ kind: 'keep', run: bad, effects: [] });
    expect(decision.why).toContain('no other complete release');
  });

  it('at an operator word needs no limit to be over', () => {
    expect(planRollback(onTrial(), trial, 'operator', 'x')).toMatchObject({ kind: 'roll-back', run: good });
  });

  it('prefers a release that has not failed here', () => {
    const newest = 'd'.repeat(64);
    const changes = { distBak: null, complete: [bad, newest, old], avoid: [newest] };
    expect(decide(onTrial(changes, { bootsUsed: 3 })).run).toBe(old);
  });
});

describe('a trial file that cannot be read', () => {
  const texts = [
    '',
    '{',
    '{}',
    'null',
    '[]',
    JSON.stringify({ ...trial, bootsMax: 0 }),
    JSON.stringify(trial).slice(0, -9),
  ];
  it.each(texts)('%s goes back to the target of dist.bak', (trialText) => {
    expect(decide(onTrial({ trialText }))).toMatchObject({
      kind: 'roll-back',
      run: good,
      rollback: { cause: 'trial-unreadable' },
    });
    const claimed = decide(onTrial({ trialText: null, endingText: trialText }));
    expect(claimed.effects).toContainEqual({ do: 'rename', from: 'dist.bak', to: 'dist' });
    expect(claimed.effects).toContainEqual(expect.objectContaining({ to: 'data/trial-unreadable.json' }));
  });

  it('without dist.bak leaves dist alone: before the switch and after the commit it is right', () => {
    expect(
      decide(onTrial({ trialText: '{', distBak: null, dist: { kind: 'link', hash: good, foreign: false } })).run,
    ).toBe(good);
  });

  it('with dist.bak pointing nowhere goes to another complete release', () => {
    expect(decide(onTrial({ trialText: '{', complete: [bad, old] })).run).toBe(old);
  });

  it('counts as over where only its progress cannot be read', () => {
    expect(decide(onTrial({ progressText: '{' })).rollback?.cause).toBe('trial-unreadable');
  });
});

describe('a trial that never switched', () => {
  const dist = { kind: 'link', hash: good, foreign: false } as const;
  it('is cleared under the verb lock', () => {
    const decision = decide(onTrial({ dist }));
    expect(decision).toMatchObject({ kind: 'clear', needsLock: true, again: true, run: good });
    expect(decision.effects[0]).toEqual({ do: 'remove', name: 'trial.json' });
  });

  it('is left alone while the verb that arms it lives, for it is about to switch', () => {
    expect(decide(onTrial({ dist, verbRuns: true, reason: 'tick' }))).toMatchObject({
      kind: 'watch',
      run: good,
      effects: [],
    });
    expect(decide(onTrial({ dist, verbRuns: true }))).toMatchObject({ kind: 'start', run: good });
  });
});

describe('a node without a trial', () => {
  it('starts as it is', () => {
    expect(decide(settled())).toMatchObject({ kind: 'start', run: good });
    expect(decide(settled({ dist: { kind: 'directory' } })).run).toBe('dist');
    expect(decide(settled({ dist: { kind: 'link', hash: null, foreign: true } })).run).toBe('dist');
  });

  it('clears the leftovers of a commit that was cut short', () => {
    const decision = decide(settled({ distBak: { hash: old } }));
    expect(decision).toMatchObject({ kind: 'clear', run: good, needsLock: true });
  });

  it.each([
    ['the target of dist.bak', { distBak: { hash: old } }, old],
    ['what an interrupted conversion meant', { convertingTo: old }, old],
    ['the newest complete release', {}, good],
    ['a release that did not fail here', { avoid: [good] }, old],
  ])('whose dist leads nowhere gets %s', (_, changes, wanted) => {
    for (const dist of [{ kind: 'missing' }, { kind: 'link', hash: 'e'.repeat(64), foreign: false }] as const) {
      const decision = decide(settled({ dist, complete: [good, old], ...changes }));
      expect(decision).toMatchObject({ kind: 'repair', run: wanted, again: true });
    }
  });

  it('takes the plain directory back where the conversion got no further', () => {
    const decision = decide(settled({ dist: { kind: 'missing' }, complete: [], convertingDir: true }));
    expect(decision.effects).toEqual([{ do: 'rename', from: 'dist.converting', to: 'dist' }]);
  });

  it('with nothing on disk says that it is stuck', () => {
    expect(decide(settled({ dist: { kind: 'missing' }, complete: [] }))).toMatchObject({ kind: 'stuck', run: null });
  });
});

describe('a committed build on probation', () => {
  const counts = (starts: number, id = 't1'): string => JSON.stringify({ v: 1, probation: id, starts });
  const whole = { [bad]: '', [good]: '', [old]: '' };
  const committed = (changes: Partial<TrialInput> = {}): TrialInput =>
    onTrial({
      trialText: null,
      progressText: null,
      distBak: null,
      probationText: JSON.stringify(probation),
      probationCountText: counts(1),
      ...changes,
    });

  it('has each start counted that follows a run which never became healthy', () => {
    const decision = decide(committed());
    expect(decision).toMatchObject({ kind: 'probation', run: bad, fallback: bad, again: false, needsLock: false });
    expect(written(decision)).toEqual({ v: 1, probation: 't1', starts: 2 });
    expect(decision.effects.at(-1)).toEqual({ do: 'remove', name: 'run/healthy.json' });
  });

  it.each([
    ['after a healthy run, in this boot of the host', { marker, probationCountText: counts(3) }],
    ['after a healthy run before a reboot', { marker, bootId: 'boot-2', probationCountText: counts(3) }],
    ['where nothing was counted yet', { probationCountText: null }],
    ['where the count is of another probation', { probationCountText: counts(3, 't0') }],
    ['where the count cannot be read: nobody is thrown out for that', { probationCountText: '{' }],
  ])('begins to count %s', (_, changes) => {
    expect(written(decide(committed(changes)))).toMatchObject({ starts: 1 });
  });

  it('has nothing counted by a look while it runs', () => {
    expect(decide(committed({ reason: 'tick', probationCountText: counts(3) }))).toMatchObject({
      kind: 'watch',
      run: bad,
    });
    expect(decide(committed({ reason: 'verb', probationCountText: counts(3) }))).toMatchObject({
      kind: 'watch',
      run: bad,
    });
  });

  it('goes back after three starts without becoming healthy: claimed by rename, under the verb lock', () => {
    const decision = decide(committed({ probationCountText: counts(3), looked: whole }));
    expect(decision).toMatchObject({ kind: 'roll-back', run: good, needsLock: true, again: true });
    expect(decision.effects).toEqual([{ do: 'claim', from: 'probation.json', to: 'probation.ending.json' }]);
    expect(decision.rollback).toMatchObject({ cause: 'probation', trial: { updateId: 'u1', knownGood: good } });
  });

  it('is hashed before it is blamed: one that is not whole any more goes back for its damage, which is kept for who finishes', () => {
    expect(decide(committed({ probationCountText: counts(3) }))).toMatchObject({ kind: 'look', look: bad });
    const damage = 'index.js is cut short';
    const decision = decide(committed({ probationCountText: counts(3), looked: { ...whole, [bad]: damage } }));
    expect(decision).toMatchObject({ kind: 'roll-back', run: good, rollback: { cause: 'damaged' } });
    const noted = { v: 1, probation: 't1', starts: 3, damage };
    expect(decision.effects).toEqual([
      { do: 'write', name: 'probation.progress.json', value: noted, bestEffort: true },
      { do: 'claim', from: 'probation.json', to: 'probation.ending.json' },
    ]);
    // Whole again by then: what was found at the claim counts.
    const claimed = { probationText: null, probationEndingText: JSON.stringify(probation), looked: whole };
    const finish = decide(committed({ ...claimed, probationCountText: JSON.stringify(noted) }));
    expect(finish).toMatchObject({ kind: 'finish', run: good, rollback: { cause: 'damaged' } });
    expect(finish.why).toContain(damage);
    expect(finish.effects.map((effect) => effect.do)).toEqual(['evidence', 'mark', 'link', 'remove', 'remove']);
    expect(finish.effects.at(-1)).toMatchObject({ do: 'remove', name: 'probation.progress.json' });
  });

  it('that has used up its starts waits for a verb that is at work', () => {
    const decision = decide(committed({ probationCountText: counts(3), looked: whole, verbRuns: true }));
    expect(decision).toMatchObject({ kind: 'start', run: bad, effects: [] });
  });

  it('that has used up its starts goes to no other release than the one before, and says so', () => {
    const decision = decide(committed({ probationCountText: counts(3), looked: whole, complete: [bad, old] }));
    expect(decision).toMatchObject({ kind: 'keep', run: bad, effects: [] });
    expect(decision.why).toContain('not complete any more');
  });

  it('is switched back by whoever looks first, the evidence before the switch, its file last', () => {
    for (const reason of ['start', 'tick', 'verb'] as const) {
      const claimed = { reason, probationText: null, probationEndingText: JSON.stringify(probation) };
      const decision = decide(committed(claimed));
      expect(decision).toMatchObject({ kind: 'finish', run: good, again: true, rollback: { cause: 'probation' } });
      expect(decision.effects.map((effect) => effect.do)).toEqual([
        'evidence',
        'forget',
        'link',
        'rename',
        'remove',
        'remove',
      ]);
      const switched = decide(committed({ ...claimed, dist: { kind: 'link', hash: good, foreign: false } }));
      expect(switched.effects.map((effect) => effect.do)).toEqual(['evidence', 'forget', 'rename', 'remove', 'remove']);
    }
  });

  it('gives way to a trial: that one is counted, and goes back to what it names', () => {
    const decision = decide(onTrial({ probationText: JSON.stringify(probation), probationCountText: counts(3) }));
    expect(decision).toMatchObject({ kind: 'count', run: bad });
    expect(written(decision)).toMatchObject({ trial: 't1' });
  });

  it.each([
    ['of a release that does not run', JSON.stringify({ ...probation, release: old }), 1],
    ['of a trial that was rolled back', JSON.stringify({ ...probation, release: good, previous: old }), 1],
    ['that is garbage, which is kept', '{"v":1', 2],
  ])('%s is removed at a start and never stops it', (_, probationText, effects) => {
    const decision = decide(committed({ probationText, probationCountText: null }));
    expect(decision).toMatchObject({ run: bad, again: false, needsLock: false });
    const about = decision.effects.filter((effect) => JSON.stringify(effect).includes('probation'));
    expect(about).toHaveLength(effects);
    expect(about.every((effect) => 'bestEffort' in effect)).toBe(true);
  });

  it('whose release is damaged on disk is repaired with the one before it', () => {
    expect(decide(committed({ complete: [old, good] }))).toMatchObject({ kind: 'repair', run: good });
  });

  it('is read from what the commit wrote, and from nothing else', () => {
    expect(parseProbation(JSON.stringify(probation))).toEqual(probation);
    for (const key of Object.keys(probation)) {
      expect(parseProbation(JSON.stringify({ ...probation, [key]: undefined })), key).toBeNull();
      expect(parseProbation(JSON.stringify({ ...probation, [key]: [1] })), key).toBeNull();
    }
  });
});

describe('whatever is on the disk', () => {
  const anyHash = fc.constantFrom(good, bad, old, null);
  const anyInput: fc.Arbitrary<TrialInput> = fc.record({
    reason: fc.constantFrom('start', 'tick', 'verb'),
    trialText: fc.constantFrom(null, '', JSON.stringify(trial)),
    endingText: fc.constantFrom(null, '', JSON.stringify(trial)),
    progressText: fc.constantFrom(null, '{', JSON.stringify(progress), JSON.stringify({ ...progress, bootsUsed: 3 })),
    startsText: fc.constantFrom(null, '', JSON.stringify({ v: 1, release: good, starts: 2 })),
    probationText: fc.constantFrom(
      null,
      '{',
      JSON.stringify(probation),
      JSON.stringify({ ...probation, release: good, previous: bad }),
    ),
    probationEndingText: fc.constantFrom(null, '{', JSON.stringify(probation)),
    probationCountText: fc.constantFrom(null, '{', JSON.stringify({ v: 1, probation: 't1', starts: 3 })),
    dist: fc.oneof(
      fc.record({ kind: fc.constant('link' as const), hash: anyHash, foreign: fc.constant(false) }),
      fc.constant({ kind: 'missing' as const }),
    ),
    distBak: fc.option(fc.record({ hash: anyHash })),
    complete: fc.subarray([good, bad, old], { minLength: 1 }),
    committed: fc.subarray([good, bad, old]),
    looked: fc.record({
      [good]: fc.constantFrom('', 'rot'),
      [bad]: fc.constantFrom('', 'rot'),
      [old]: fc.constantFrom('', 'rot'),
    }),
    convertingTo: anyHash,
    convertingDir: fc.boolean(),
    avoid: fc.subarray([good, bad, old]),
    bootId: fc.constantFrom('boot-1', 'boot-2'),
    nowMs: fc.nat(200_000),
    marker: fc.constantFrom(null, marker),
    verbRuns: fc.boolean(),
  });

  it('what is to run is a complete release, as long as there is one (P2)', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const { run } = decide(input);
        // Or the plain directory that a conversion had put aside, which ran before.
        expect([...input.complete, ...(input.convertingDir ? ['dist'] : [])]).toContain(run);
      }),
      { numRuns: 3000 },
    );
  });

  it('a release out of starts does not run where another one is there (P3)', () => {
    const over = anyInput.filter((input) => input.complete.length > 1);
    fc.assert(
      fc.property(over, (input) => {
        const counted = JSON.stringify({ ...progress, bootsUsed: 3 });
        const dist = { kind: 'link', hash: bad, foreign: false } as const;
        const decision = decide({
          ...input,
          reason: 'start',
          trialText: JSON.stringify(trial),
          endingText: null,
          progressText: counted,
          dist,
        });
        expect(decision.run).not.toBe(bad);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the parsers', () => {
  it('take what was written, and nothing else, and never throw', () => {
    expect(parseTrial(JSON.stringify(trial))).toEqual(trial);
    expect(parseProgress(JSON.stringify(progress))).toEqual(progress);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseTrial(text)).toBeNull();
        expect(parseProgress(text)).toBeNull();
      }),
    );
  });

  it('take no trial with a field left out or of another kind', () => {
    for (const key of Object.keys(trial)) {
      expect(parseTrial(JSON.stringify({ ...trial, [key]: undefined })), key).toBeNull();
      expect(parseTrial(JSON.stringify({ ...trial, [key]: [1] })), key).toBeNull();
    }
  });
});
