/**
 * `npm run sim:mutants`: takes away one safeguard at a time and runs seeds until a checker
 * says so. Exit code 1 when one survives: a checker is missing, or the safeguard is dead.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../bundle.ts';
import { bundleMixed } from '../mixed/bundle.ts';
import { readOptions } from '../options.ts';
import { type Found, runWorker } from '../worker.ts';
import { compatibility } from './compatibility.ts';
import { type Mutant, mutants } from './list.ts';

const help = `npm run sim:mutants -- [options]

  --seeds N    at most so many for each mutant (default 6000)
  --only TEXT  the mutants whose name has TEXT in it (default: all)
  --jobs J     mutants at once (default: one per core)

Exit code 0: every one was caught; 1 otherwise; 2: wrong usage.
`;

const options = readOptions(help, {
  numbers: { seeds: 6_000, jobs: availableParallelism() },
  texts: { only: '' },
});

interface Verdict {
  mutant: Mutant;
  caught: Found | null;
  error: string;
}

/** null: none. */
async function firstViolation(file: string, seed: number, seeds: number): Promise<Found | null> {
  let found: Found | null = null;
  if (seeds < 1) return found;
  await runWorker(file, ['--seed', String(seed), '--seeds', String(seeds), '--stop-at-first'], (line) => {
    if (line.startsWith('{"seed"')) found ??= JSON.parse(line) as Found;
  });
  return found;
}

/** All at once and first: others may change the text meanwhile, and no verdict may be about two states of it. */
async function makeMutant(mutant: Mutant, file: string): Promise<string> {
  try {
    await (mutant.mixed === true ? bundleMixed : bundle)(file, mutant.changes);
    return '';
  } catch (thrown) {
    return `cannot be made: ${thrown instanceof Error ? thrown.message : thrown}`;
  }
}

/** Where the bundle of the code as it is lies. */
const soundIn = (dir: string, { mixed }: Pick<Mutant, 'mixed'>): string =>
  join(dir, `sound${mixed ? '-mixed' : ''}.cjs`);

async function tryMutant(mutant: Mutant, file: string, dir: string): Promise<Verdict> {
  try {
    return { mutant, caught: await catchIt(file, soundIn(dir, mutant)), error: '' };
  } catch (thrown) {
    return { mutant, caught: null, error: `cannot be run: ${thrown instanceof Error ? thrown.message : thrown}` };
  }
}

async function catchIt(file: string, sound: string): Promise<Found | null> {
  let from = 1;
  for (;;) {
    const found = await firstViolation(file, from, options.seeds - from + 1);
    // What the code breaks as it is says nothing about the safeguard.
    if (found === null || (await firstViolation(sound, found.seed, 1)) === null) return found;
    from = found.seed + 1;
  }
}

async function main(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'claudecluster-mutants-'));
  const wanted = [...mutants, ...compatibility].filter((mutant) => mutant.name.includes(options.only));
  const verdicts: Verdict[] = [];
  const all: { mutant: Mutant; file: string; error: string }[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < all.length) {
      const at = next;
      next += 1;
      const { mutant: made, file, error: unmade } = all[at] as (typeof all)[number];
      const verdict = unmade === '' ? await tryMutant(made, file, dir) : { mutant: made, caught: null, error: unmade };
      verdicts.push(verdict);
      const { caught, error, mutant } = verdict;
      const found = caught === null ? error || 'SURVIVED' : `${caught.promise} in seed ${caught.seed}: ${caught.text}`;
      process.stdout.write(`${caught === null ? 'not ok' : 'ok'}  ${mutant.name} (${mutant.promise}): ${found}\n`);
    }
  };
  try {
    await bundle(soundIn(dir, {}));
    if (wanted.some(({ mixed }) => mixed)) await bundleMixed(soundIn(dir, { mixed: true }));
    for (const [at, mutant] of wanted.entries()) {
      const file = join(dir, `mutant-${at}.cjs`);
      all.push({ mutant, file, error: await makeMutant(mutant, file) });
    }
    await Promise.all(Array.from({ length: options.jobs }, work));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  const missed = verdicts.filter((one) => one.caught === null).length;
  process.stdout.write(`${verdicts.length - missed} of ${verdicts.length} mutants caught\n`);
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main();
