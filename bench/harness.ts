/** What all benchmarks share: a place to work in that is cleaned up whatever happens, several runs, a summary. */
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DevCluster, startDevCluster, stopDevCluster } from '../test/support/dev-cluster.ts';
import { removeDir, tempDir } from '../test/support/temp.ts';

/** One number that is measured in every run. Its median is held against the target; without one it is for comparison. */
export interface Figure {
  what: string;
  unit: string;
  target?: { atMost: number } | { atLeast: number };
}

export interface Benchmark {
  /** For --only. */
  name: string;
  title: string;
  runs: number;
  figures: Record<string, Figure>;
  /** Prepares once (builds, a cluster), and returns what does run number n (0, 1, …) and gives a value for every figure. */
  open(place: Place): Promise<(n: number) => Promise<Record<string, number>>>;
}

/** Where a benchmark works. */
export interface Place {
  /** A directory of its own. */
  dir: string;
  /** Aborted when somebody interrupts. */
  signal: AbortSignal;
  /** Done at the end in any case, the last one first. */
  defer(cleanUp: () => Promise<void> | void): void;
}

export interface FigureResult extends Figure {
  values: number[];
  median: number;
  min: number;
  max: number;
  /** null: nothing was wanted of it. */
  met: boolean | null;
}

export interface Result {
  name: string;
  title: string;
  figures: FigureResult[];
}

/** Time that an interrupted benchmark has to end by itself, ms. */
const windDownMs = 20_000;

/** Runs one benchmark. Throws when it could not be measured; everything it started has ended then too. */
export async function runBenchmark(benchmark: Benchmark, runs: number, signal: AbortSignal): Promise<Result> {
  const cleanUps: (() => Promise<void> | void)[] = [];
  const place: Place = { dir: tempDir('bench'), signal, defer: (cleanUp) => void cleanUps.push(cleanUp) };
  place.defer(() => removeDir(place.dir));
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
  });
  const work = repeat(benchmark, runs, place);
  try {
    const values = await Promise.race([work, interrupted]);
    return { name: benchmark.name, title: benchmark.title, figures: summarise(benchmark.figures, values) };
  } finally {
    // What was interrupted ends what it was starting: cleaned up under its hands, it would leave that behind.
    await Promise.race([work.catch(() => undefined), sleep(windDownMs, undefined, { ref: false })]);
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

async function repeat(benchmark: Benchmark, runs: number, place: Place): Promise<Record<string, number>[]> {
  const runOnce = await benchmark.open(place);
  const all: Record<string, number>[] = [];
  for (let n = 0; n < runs; n += 1) {
    const values = await runOnce(n);
    const missing = Object.keys(benchmark.figures).find((name) => !Number.isFinite(values[name]));
    if (missing !== undefined) throw new Error(`run ${n + 1} gave no value for '${missing}'`);
    const shown = Object.entries(values).map(([name, value]) => `${name} ${value.toFixed(1)}`);
    console.error(`  run ${n + 1}: ${shown.join(', ')}`);
    all.push(values);
  }
  return all;
}

function summarise(figures: Record<string, Figure>, runs: Record<string, number>[]): FigureResult[] {
  return Object.entries(figures).map(([name, figure]) => {
    const values = runs.map((run) => run[name] ?? Number.NaN);
    const middle = median(values);
    const bounds = { min: Math.min(...values), max: Math.max(...values) };
    return { ...figure, values, median: middle, ...bounds, met: isMet(figure, middle) };
  });
}

function isMet({ target }: Figure, value: number): boolean | null {
  if (target === undefined) return null;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2;
}

/**
 * A cluster of three voters that ends with the benchmark. `heartbeatMs`: the product's default is 5,000. `inMemory`: on
 * a RAM disk (/dev/shm), where the machine has one.
 */
export async function benchCluster(
  place: Place,
  heartbeatMs: number,
  options: { inMemory?: boolean } = {},
): Promise<DevCluster> {
  const memory = '/dev/shm';
  const inMemory = options.inMemory === true && existsSync(memory);
  const home = inMemory ? mkdtempSync(join(memory, 'claudecluster-bench-')) : place.dir;
  if (inMemory) place.defer(() => removeDir(home));
  const dir = join(home, 'cluster');
  place.defer(() => stopDevCluster(dir));
  return startDevCluster({ nodes: 3, heartbeatMs, dir, signal: place.signal });
}
