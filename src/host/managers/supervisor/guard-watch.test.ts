import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../adapters/system-clock.ts';
import { beginProbation } from '../../../trial/probation-view.ts';
import type { Trial } from '../../../trial/trial-file.ts';
import { checkDueInMs, runsOther } from './guard-watch.ts';

const [good, next, old] = ['a', 'b', 'c'].map((one) => one.repeat(64)) as [string, string, string];
let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'supervise-guard-'));
  for (const hash of [good, next, old]) {
    mkdirSync(join(base, 'releases', hash), { recursive: true });
    for (const file of ['index.js', 'guard.js', 'version.json']) writeFileSync(join(base, 'releases', hash, file), '');
  }
  symlinkSync(`releases/${next}`, join(base, 'dist'));
  beginProbation(
    base,
    { id: 't1', service: 's', updateId: 'u1', release: next, knownGood: good, epoch: 1 } as Trial,
    'x',
  );
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('during a probation', () => {
  it('nothing has to be looked at, until a way back was claimed and not finished', () => {
    expect(checkDueInMs(base, systemClock, 'b')).toBeNull();
    renameSync(join(base, 'probation.json'), join(base, 'probation.ending.json'));
    expect(checkDueInMs(base, systemClock, 'b')).toBe(0);
  });

  it('the release before may run where the disk takes no switch, and no other one', () => {
    expect([runsOther(base, next), runsOther(base, good), runsOther(base, old)]).toEqual([false, false, true]);
    renameSync(join(base, 'probation.json'), join(base, 'probation.ending.json'));
    expect(runsOther(base, good)).toBe(false);
    rmSync(join(base, 'probation.ending.json'));
    expect(runsOther(base, good)).toBe(true);
  });
});

describe('during a trial', () => {
  const trial = {
    v: 1,
    id: 't2',
    service: 's',
    updateId: 'u2',
    release: next,
    knownGood: good,
    epoch: 1,
    trialMs: 300_000,
    healthTimeoutMs: 60_000,
    bootsMax: 2,
    bootId: 'b1',
    startedAtMs: 0,
    armedAt: '2026-01-01T00:00:00.000Z',
  };
  const arm = (): void => {
    rmSync(join(base, 'probation.json'));
    writeFileSync(join(base, 'trial.json'), JSON.stringify(trial));
  };

  it('waits for the deadlines of this boot', () => {
    arm();
    expect(checkDueInMs(base, { ...systemClock, nowMs: () => 1_000 }, 'b1')).toBe(59_000);
  });

  it('looks at once where the disk could not take the start of this boot (simulation seed 148197)', () => {
    arm();
    expect(checkDueInMs(base, { ...systemClock, nowMs: () => 1_000 }, 'b2')).toBe(0);
  });
});
