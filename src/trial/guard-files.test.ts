/** What the guard reads beside the trial, on a real disk: which releases were committed here, and who else has one. */
import { appendFileSync, chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { storeRelease } from '../../test/support/releases.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { noteCommitted } from '../release/committed.ts';
import { runGuard } from './guard.ts';
import { keepHolders } from './holders-file.ts';
import type { Trial } from './trial-file.ts';
import { readInstalled, readLastRollback } from './trial-view.ts';

let base: string;
beforeEach(() => {
  base = tempDir('guard-files');
  for (const name of ['data', 'run']) mkdirSync(join(base, name));
});
afterEach(() => removeDir(base));

const guard = () =>
  runGuard({ base, reason: 'start', bootId: 'b1', nowMs: 1_000, wallIso: '2026-01-01T00:00:00.000Z' });
const release = (note: string): Promise<string> => storeRelease(base, join(base, `build ${note}`), { note });

/** A rollback from `bad` is claimed, and the known-good release has rotted. */
async function wayBack(): Promise<{ old: string; good: string; bad: string }> {
  const [old, good, bad] = [await release('old'), await release('good'), await release('bad')];
  await release('only staged');
  const file = join(base, 'releases', good, 'index.js');
  chmodSync(file, 0o644);
  appendFileSync(file, '\n');
  symlinkSync(`releases/${bad}`, join(base, 'dist'));
  symlinkSync(`releases/${good}`, join(base, 'dist.bak'));
  const limits = { healthTimeoutMs: 60_000, trialMs: 120_000, bootsMax: 3 };
  const of = { id: 't1', service: 's', updateId: 'u1', release: bad, knownGood: good, epoch: 1 };
  const trial: Trial = { v: 1, ...of, bootId: 'b1', startedAtMs: 0, ...limits, armedAt: 'x' };
  writeFileSync(join(base, 'trial.ending.json'), JSON.stringify(trial));
  return { old, good, bad };
}

it('goes back to the release that data/committed.json names when the known-good one is not whole (P7)', async () => {
  const { old, good } = await wayBack();
  for (const hash of [old, good]) noteCommitted(base, hash, 'x');
  guard();
  expect(readInstalled(base)).toBe(old);
  expect(readLastRollback(base)?.why).toContain(`releases/${good} is not whole`);
});

it('without that file runs the known-good one marked damaged, and the evidence names who has a copy (P8)', async () => {
  const { good } = await wayBack();
  keepHolders(base, [{ nodeId: 'n2', address: 'host-2:7000', release: good }]);
  guard();
  expect(readInstalled(base)).toBe(good);
  expect(readLastRollback(base)?.why).toContain(`rsync -a host-2:BASE/releases/${good}/`);
});

it('with nothing to start says which release to copy, and from which node (P8)', () => {
  const hash = 'a'.repeat(64);
  symlinkSync(`releases/${hash}`, join(base, 'dist'));
  keepHolders(base, [{ nodeId: 'n2', address: 'host-2:7000', release: hash }]);
  const { action, notes } = guard();
  expect(action).toBe('stuck');
  expect(notes.join()).toContain(`copy releases/${hash} here from n2 (host-2:7000)`);
});
