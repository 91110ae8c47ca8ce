import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './bundle.ts';
import { mutants } from './mutants/list.ts';

const run = promisify(execFile);
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'claudecluster-sim-test-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Lines of a run, whether it found something or not. */
async function lines(file: string, args: string[]): Promise<string[]> {
  const { stdout } = await run(process.execPath, [file, ...args], { maxBuffer: 64 * 1024 * 1024 }).catch(
    (failed: { stdout: string }) => failed,
  );
  return stdout.trim().split('\n');
}

describe('the simulation', () => {
  it('keeps every promise in two hundred seeds, and gives each seed the same trace twice', async () => {
    const file = join(dir, 'sim.cjs');
    await bundle(file);
    const out = await lines(file, ['--seeds', '200', '--times', '2']);
    expect(out.slice(0, -1)).toEqual([]);
    expect(JSON.parse(out.at(-1) ?? '{}')).toMatchObject({ sum: { seeds: 200, violations: 0, mismatches: 0 } });
  }, 180_000);

  it('tells the same to the letter when nothing is remembered, of disks that rot and of releases that are written to, too', async () => {
    const told = [];
    for (const exact of [false, true]) {
      const file = join(dir, `exact-${exact}.cjs`);
      await bundle(file, [], { exact });
      told.push(await lines(file, ['--seeds', '60', '--trace']));
    }
    const [quick = [], exact = []] = told;
    // What is remembered would be wrong after these first: they are among the seeds.
    for (const fault of ['fault: bit rot on', 'writes into its own release on', 'power cut before']) {
      expect([fault, exact.some((line) => line.includes(fault))]).toEqual([fault, true]);
    }
    expect(quick).toEqual(exact);
  }, 120_000);

  it('prints a trace that is the same to the letter in another process', async () => {
    const file = join(dir, 'traced.cjs');
    await bundle(file);
    const args = ['--seed', '5', '--seeds', '1', '--trace'];
    const [first, second] = [await lines(file, args), await lines(file, args)];
    expect(first.length).toBeGreaterThan(20);
    expect(second).toEqual(first);
  }, 60_000);

  it('sees that heartbeats are not counted any more', async () => {
    const mutant = mutants.find((one) => one.name === 'stability does not count heartbeats');
    const file = join(dir, 'mutant.cjs');
    await bundle(file, mutant?.changes);
    const out = await lines(file, ['--seeds', '50', '--stop-at-first']);
    expect(JSON.parse(out[0] ?? '{}')).toMatchObject({ promise: 'P4' });
  }, 60_000);

  it('refuses a mutant whose text is not there any more', async () => {
    const gone = { file: 'src/cluster/journal/journal.ts', old: 'text that nobody wrote', new: '' };
    await expect(bundle(join(dir, 'gone.cjs'), [gone])).rejects.toThrow(/found 0 times/);
  }, 60_000);
});
