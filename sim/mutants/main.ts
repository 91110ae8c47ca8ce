/**
 * `npm run sim:mutants [-- --seeds N] [--only TEXT]`: takes away one safeguard at a time and runs seeds until a checker
 * says so. Exit code 1 when one survives: a checker is missing, or the safeguard is dead.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../bundle.ts';
import { type Mutant, mutants } from './list.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '6000' },
    only: { type: 'string', default: '' },
    workers: { type: 'string', default: '2' },
  },
});

interface Verdict {
  mutant: Mutant;
  caught: Found | null;
  error: string;
}

type Found = { seed: number; promise: string; text: string };

/** null: none; a text: the run itself failed. */
async function firstViolation(file: string, seed: number, seeds: number): Promise<Found | string | null> {
  if (seeds < 1) return null;
  const args = [file, '--seed', String(seed), '--seeds', String(seeds), '--stop-at-first'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  const first = out.split('\n')[0] ?? '';
  if (code === 0) return null;
  return first.startsWith('{') ? (JSON.parse(first) as Found) : `the run ended with ${code}`;
}

async function tryMutant(mutant: Mutant, file: string, sound: string): Promise<Verdict> {
  try {
    await bundle(file, mutant.changes);
  } catch (thrown) {
    return { mutant, caught: null, error: `cannot be made: ${thrown instanceof Error ? thrown.message : thrown}` };
  }
  let from = 1;
  for (;;) {
    const found = await firstViolation(file, from, Number(values.seeds) - from + 1);
    if (typeof found === 'string') return { mutant, caught: null, error: found };
    // What the code breaks as it is says nothing about the safeguard.
    if (found === null || (await firstViolation(sound, found.seed, 1)) === null)
      return { mutant, caught: found, error: '' };
    from = found.seed + 1;
  }
}

async function main(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'claudecluster-mutants-'));
  const wanted = mutants.filter((mutant) => mutant.name.includes(values.only));
  const verdicts: Verdict[] = [];
  const sound = join(dir, 'sound.cjs');
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < wanted.length) {
      const at = next;
      next += 1;
      const verdict = await tryMutant(wanted[at] as Mutant, join(dir, `mutant-${at}.cjs`), sound);
      verdicts.push(verdict);
      const { caught, error, mutant } = verdict;
      const found = caught === null ? error || 'SURVIVED' : `${caught.promise} in seed ${caught.seed}: ${caught.text}`;
      process.stdout.write(`${caught === null ? 'not ok' : 'ok'}  ${mutant.name} (${mutant.promise}): ${found}\n`);
    }
  };
  try {
    await bundle(sound);
    await Promise.all(Array.from({ length: Number(values.workers) }, work));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  const missed = verdicts.filter((one) => one.caught === null).length;
  process.stdout.write(`${verdicts.length - missed} of ${verdicts.length} mutants caught\n`);
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main();
