import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './bundle.ts';
import { bundleMixed } from './mixed/bundle.ts';
import { sourceAt } from './mixed/source.ts';
import { compatibility } from './mutants/compatibility.ts';

const run = promisify(execFile);
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'claudecluster-sim-mixed-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('the mixed simulation', () => {
  it('has mutants of which a cluster of one version shows nothing', async () => {
    const [{ name, changes } = { name: '', changes: [] }] = compatibility;
    const file = join(dir, 'alone.cjs');
    await bundle(file, changes, { exact: true });
    const { stdout } = await run(process.execPath, [file, '--seeds', '30']);
    expect(JSON.parse(stdout), name).toMatchObject({ sum: { seeds: 30, violations: 0 } });
  }, 60_000);

  it('says what to fetch where the history lacks a version of before', async () => {
    const gone = { name: '0.0.9-0000000', commit: '0'.repeat(40), moved: [], standIns: {} };
    await expect(sourceAt(gone)).rejects.toThrow(/0\.0\.9-0000000 is made from commit 0{40}.*git fetch/s);
  });

  it('names the versions that there are to whoever asks for another one', async () => {
    await expect(bundleMixed(join(dir, 'none.cjs'), [], { before: '9.9' })).rejects.toThrow(/0\.2\.0-d5177e4/);
  });
});
