/** `npm run sim`: bundles the simulation once and runs it in several processes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { bundleMixed } from './mixed/bundle.ts';
import { readOptions } from './options.ts';
import { runWorker } from './worker.ts';

const help = `npm run sim -- [options]

  --seeds N   how many seeds (default 1000)
  --seed S    the first one (default 1)
  --times T   runs of each seed; their traces must be equal (default 1)
  --mixed     this version and those of before in one world: hosts change over as they are updated
  --before V  with --mixed: only with the versions whose name has V in it (default: all)
  --trace     one seed, told line by line
  --jobs J    processes (default: one per core)

Exit code 0: no promise was broken, and every repeated seed had the same trace; 1 otherwise; 2: wrong usage.
`;

const options = readOptions(help, {
  numbers: { seeds: 1_000, seed: 1, times: 1, jobs: availableParallelism() },
  texts: { before: '' },
  flags: ['trace', 'mixed'],
});

interface Sum {
  seeds: number;
  violations: number;
  mismatches: number;
  events: number;
  hash: number;
  outcomes: Record<string, number>;
}

async function main(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'claudecluster-sim-'));
  const startMs = Date.now();
  const total: Sum = { seeds: 0, violations: 0, mismatches: 0, events: 0, hash: 0, outcomes: {} };
  const onLine = (line: string): void => {
    const parsed = line.startsWith('{') ? (JSON.parse(line) as { sum?: Sum }) : {};
    if (parsed.sum === undefined) return void process.stdout.write(`${line}\n`);
    const { sum } = parsed;
    total.seeds += sum.seeds;
    total.violations += sum.violations;
    total.mismatches += sum.mismatches;
    total.events += sum.events;
    total.hash = (total.hash + sum.hash) >>> 0;
    for (const [name, count] of Object.entries(sum.outcomes))
      total.outcomes[name] = (total.outcomes[name] ?? 0) + count;
  };
  try {
    const file = join(dir, 'sim.cjs');
    await (options.mixed ? bundleMixed(file, [], { before: options.before }) : bundle(file));
    const seeds = options.trace ? 1 : options.seeds;
    const jobs = Math.min(seeds, options.trace ? 1 : options.jobs);
    const runs = Array.from({ length: jobs }, (_, at) => {
      const first = String(options.seed + at);
      const args = [
        '--seed',
        first,
        '--seeds',
        String(seeds - at),
        '--step',
        String(jobs),
        '--times',
        String(options.times),
      ];
      return runWorker(file, options.trace ? [...args, '--trace'] : args, onLine);
    });
    await Promise.all(runs);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  const seconds = Math.round((Date.now() - startMs) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ ...total, times: options.times, seconds })}\n`);
  const idle = ['changed over', 'led by both'].find((what) => total.outcomes[what] === undefined);
  if (options.mixed && total.seeds >= 100 && idle !== undefined) {
    process.stderr.write(`nothing was ${idle}: this run says nothing about versions\n`);
    return 1;
  }
  return total.violations + total.mismatches === 0 ? 0 : 1;
}

process.exitCode = await main();
