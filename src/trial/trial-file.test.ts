import { describe, expect, it } from 'vitest';
import { parseProbation } from './probation-file.ts';
import { parseProgress, parseTrial, type Trial } from './trial-file.ts';

/** What 0.1.0 wrote, letter by letter: the guard of one build reads the trial of another, both ways (P11). */
const trialOf010 =
  '{"v":1,"id":"t1","service":"claudecluster","updateId":"u1","release":"' +
  `${'b'.repeat(64)}","knownGood":"${'a'.repeat(64)}","epoch":4,"bootId":"boot-1","startedAtMs":1000,` +
  '"healthTimeoutMs":60000,"trialMs":120000,"bootsMax":3,"armedAt":"2026-01-01T00:00:00.000Z"}';
const probationOf010 =
  '{"v":1,"id":"t1","service":"claudecluster","updateId":"u1","release":"' +
  `${'b'.repeat(64)}","previous":"${'a'.repeat(64)}","epoch":4,"bootsMax":3,"committedAt":"2026-01-01T00:00:00.000Z"}`;

describe('the files of a trial between builds (P11)', () => {
  it('of 0.1.0 are read', () => {
    expect(parseTrial(trialOf010)).toEqual(JSON.parse(trialOf010));
    expect(parseProbation(probationOf010)).toEqual(JSON.parse(probationOf010));
  });

  it('of a newer build are read without what it added', () => {
    const trial = JSON.parse(trialOf010) as Trial;
    expect(parseTrial(JSON.stringify({ ...trial, runtime: 'c'.repeat(64), notes: [] }))).toEqual(trial);
    const probation = JSON.parse(probationOf010) as object;
    expect(parseProbation(JSON.stringify({ ...probation, notes: [] }))).toEqual(probation);
  });

  it('keep why a trial is being ended, when only a newer guard knows the cause by name', () => {
    const progress = { v: 1, trial: 't1', bootsUsed: 1, bootId: 'b', startedAtMs: 1, healthyFromMs: 1 };
    const ending = { cause: 'memory', why: 'it took all memory of the host' };
    expect(parseProgress(JSON.stringify({ ...progress, ending }))?.ending).toEqual(ending);
    expect(parseProgress(JSON.stringify({ ...progress, ending: { cause: 7 } }))?.ending).toBeNull();
  });
});
