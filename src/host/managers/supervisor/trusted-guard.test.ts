import { appendFileSync, chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeRelease } from '../../../../test/support/releases.ts';
import { removeDir, tempDir } from '../../../../test/support/temp.ts';
import { noteCommitted } from '../../../release/committed.ts';
import { guardLimitMs } from '../../../trial/guard-process.ts';
import { guardRun } from './guard-watch.ts';
import { guardCandidates, whyNotTrusted } from './trusted-guard.ts';

/** A guard that says who it is. */
const guardOf = (name: string): string =>
  `console.log(JSON.stringify({ action: '${name}', run: null, release: null, notes: [] }));\n`;
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

let base: string;
let good: string;
let old: string;
let bad: string;
beforeEach(async () => {
  base = tempDir('trusted-guard');
  for (const name of ['run', 'data', 'releases']) mkdirSync(join(base, name));
  const make = (name: string): Promise<string> =>
    storeRelease(base, join(base, `build-${name}`), { 'guard.js': guardOf(name), 'x.txt': name });
  [good, old, bad] = [await make('good'), await make('old'), await make('bad')];
  for (const hash of [old, good]) noteCommitted(base, hash, 'x');
  symlinkSync(`releases/${good}`, join(base, 'dist'));
});
afterEach(() => removeDir(base));

const file = (hash: string, name: string): string => join(base, 'releases', hash, name);
function spoil(hash: string, name: string): void {
  chmodSync(file(hash, name), 0o644);
  appendFileSync(file(hash, name), ' ');
  chmodSync(file(hash, name), 0o644);
}
const onTrial = (): void => {
  const limits = { epoch: 1, bootId: 'b', startedAtMs: 0, healthTimeoutMs: 60_000, trialMs: 120_000, bootsMax: 3 };
  const trial = { v: 1, id: 't', service: 's', updateId: 'u', release: bad, knownGood: good, armedAt: 'x', ...limits };
  writeFileSync(join(base, 'trial.json'), JSON.stringify(trial));
};
const asked = async (): Promise<string> => (await guardRun(base, 'check', 20_000, silent)).result.action;

describe('whose guard is asked', () => {
  it('is that of the known-good release while it is whole', async () => {
    onTrial();
    expect(await asked()).toBe('good');
  });

  it('on trial is not that of a release in which any file has changed, but the one committed before it', async () => {
    onTrial();
    spoil(good, 'x.txt');
    expect(await asked()).toBe('old');
  });

  it('is never one that was not committed here: then the supervisor judges by itself', async () => {
    onTrial();
    for (const hash of [good, old]) spoil(hash, 'guard.js');
    const { by } = await guardRun(base, 'check', 20_000, silent);
    expect(by).toBe('the supervisor itself');
    expect(guardCandidates(base).map((one) => one.hash)).toEqual([good, old]);
  });

  it('at a start with nothing to judge has its own file asked alone, and a truncated one is found', async () => {
    spoil(good, 'x.txt');
    const candidate = { file: file(good, 'guard.js'), hash: good };
    expect(await whyNotTrusted(base, candidate)).toBe('');
    chmodSync(candidate.file, 0o644);
    truncateSync(candidate.file);
    expect(await whyNotTrusted(base, candidate)).toContain('guard.js has other content');
  });
});

describe('the time that a guard has', () => {
  it('grows with the size of what it may have to hash: 40 ms for a megabyte', () => {
    const before = guardLimitMs(base, 5_000);
    expect(before).toBeLessThan(5_010);
    chmodSync(dirname(file(old, 'ballast.bin')), 0o755);
    writeFileSync(file(old, 'ballast.bin'), Buffer.alloc(20_000_000));
    expect(guardLimitMs(base, 5_000)).toBeGreaterThanOrEqual(5_800);
  });
});
