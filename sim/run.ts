/** Entry of the bundle: runs seeds and prints one JSON line per violation and a last one with the sum. */
import { createRequire } from 'node:module';
import './world/abort.ts';
import './world/shared.ts';
import { side } from './world/side.ts';
import type { Side } from './world/types.ts';
import { runSeed } from './world/world.ts';

interface Sum {
  seeds: number;
  violations: number;
  mismatches: number;
  events: number;
  /** Of all traces together: the same range of seeds has the same one wherever it is run. */
  hash: number;
  outcomes: Record<string, number>;
}

/** The versions that are in this world: this one alone, or those whose bundles are named. */
function loadSides(): Side[] {
  if (globalThis.simSides.length === 0) return [side];
  return globalThis.simSides.map((file) => (createRequire(file)(file) as { side: Side }).side);
}

function main(args: string[]): number {
  // Errors are daily bread here (ENOENT), and a stack costs more than the rest of the event.
  Error.stackTraceLimit = args.includes('--stacks') ? 10 : 0;
  const value = (name: string, otherwise: number): number => {
    const at = args.indexOf(name);
    return at < 0 ? otherwise : Number(args[at + 1]);
  };
  const seeds = value('--seeds', 100);
  const first = value('--seed', 1);
  const step = value('--step', 1);
  const times = value('--times', 1);
  const trace = args.includes('--trace');
  const stopAtFirst = args.includes('--stop-at-first');
  const sides = loadSides();
  const sum: Sum = { seeds: 0, violations: 0, mismatches: 0, events: 0, hash: 0, outcomes: {} };
  const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

  for (let at = 0; at < seeds; at += step) {
    const seed = first + at;
    const result = runSeed(seed, trace, sides);
    sum.seeds += 1;
    sum.events += result.events;
    sum.hash = (sum.hash + Number.parseInt(result.hash.slice(8), 16)) >>> 0;
    for (const [outcome, count] of Object.entries(result.outcomes)) {
      sum.outcomes[outcome] = (sum.outcomes[outcome] ?? 0) + count;
    }
    if (trace) process.stdout.write(`${result.lines.join('\n')}\nhash ${result.hash}, ${result.events} events\n`);
    for (let again = 1; again < times; again += 1) {
      const other = runSeed(seed, false, sides);
      if (other.hash === result.hash) continue;
      sum.mismatches += 1;
      print({ seed, mismatch: [result.hash, other.hash] });
    }
    if (result.violation !== null) {
      sum.violations += 1;
      print({ seed, ...result.violation });
      if (stopAtFirst) break;
    }
  }
  print({ sum });
  return sum.violations + sum.mismatches === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
