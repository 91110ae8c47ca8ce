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
  caught: { seed: number; promise: string; text: string } | null;
  error: string;
}

async function tryMutant(mutant: Mutant, file: string): Promise<Verdict> {
  try {
    await bundle(file, mutant.changes);
  } catch (thrown) {
    return { mutant, caught: null, error: `cannot be made: ${thrown instanceof Error ? thrown.message : thrown}` };
  }
  const args = [file, '--seed', '1', '--seeds', values.seeds, '--stop-at-first'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  const first = out.split('\n')[0] ?? '';
  if (code === 0) return { mutant, caught: null, error: '' };
  if (!first.startsWith('{')) return { mutant, caught: null, error: `the run ended with ${code}` };
  return { mutant, caught: JSON.parse(first), error: '' };
}

async function main(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'claudecluster-mutants-'));
  const wanted = mutants.filter((mutant) => mutant.name.includes(values.only));
  const verdicts: Verdict[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < wanted.length) {
      const at = next;
      next += 1;
      const verdict = await tryMutant(wanted[at] as Mutant, join(dir, `mutant-${at}.cjs`));
      verdicts.push(verdict);
      const { caught, error, mutant } = verdict;
      const found = caught === null ? error || 'SURVIVED' : `${caught.promise} in seed ${caught.seed}: ${caught.text}`;
      process.stdout.write(`${caught === null ? 'not ok' : 'ok'}  ${mutant.name} (${mutant.promise}): ${found}\n`);
    }
  };
  try {
    await Promise.all(Array.from({ length: Number(values.workers) }, work));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  const missed = verdicts.filter((one) => one.caught === null).length;
  process.stdout.write(`${verdicts.length - missed} of ${verdicts.length} mutants caught\n`);
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main();
