/**
 * `npm run sim -- --seeds N [--seed S] [--times 2] [--trace] [--jobs J]`: bundles the simulation once and runs it in J
 * processes (default: one per core). Exit code 0: no promise was broken and every repeated seed had the same trace.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { runWorker } from './worker.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    times: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    trace: { type: 'boolean', default: false },
  },
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
    await bundle(file);
    const seeds = values.trace ? 1 : Number(values.seeds);
    const jobs = Math.min(seeds, values.trace ? 1 : Number(values.jobs));
    const runs = Array.from({ length: jobs }, (_, at) => {
      const first = String(Number(values.seed) + at);
      const args = ['--seed', first, '--seeds', String(seeds - at), '--step', String(jobs), '--times', values.times];
      return runWorker(file, values.trace ? [...args, '--trace'] : args, onLine);
    });
    await Promise.all(runs);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  const seconds = Math.round((Date.now() - startMs) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ ...total, times: Number(values.times), seconds })}\n`);
  return total.violations + total.mismatches === 0 ? 0 : 1;
}

process.exitCode = await main();
