/** The command line of `npm run bench`. A bench measures: a target that is missed is said clearly, and is no failure. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { untilInterrupted } from '../scripts/lib/interrupts.ts';
import { repoRoot } from '../test/support/cli.ts';
import { crash } from './crash.ts';
import { delta } from './delta.ts';
import { guard } from './guard.ts';
import { hang } from './hang.ts';
import { type Benchmark, type Result, runBenchmark } from './harness.ts';
import { idle } from './idle.ts';
import { leaderKilled } from './leader-killed.ts';
import { describeMachine } from './machine.ts';
import { overhead } from './overhead.ts';
import { asMarkdown, asText } from './report.ts';
import { writeGap, writeGapOnDisk } from './write-gap.ts';

const benchmarks: Benchmark[] = [writeGap, writeGapOnDisk, overhead, delta, crash, idle, leaderKilled, hang, guard];

const help = `Usage: npm run bench -- [--only NAME]… [--runs N] [--json] [--write]

  --only NAME   one of: ${benchmarks.map(({ name }) => name).join(', ')}; may be given several times
  --runs N      instead of each benchmark's own number of runs
  --json        the results as one JSON document on stdout
  --write       put the results into docs/figures.md; the rows of what was not measured stay
Exit codes: 0 measured (also when a target is missed) · 1 a benchmark could not be measured · 2 usage
`;

/** Returns the exit code. */
export async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === 'string') {
    console.error(`${options}\n\n${help}`);
    return options === '' ? 0 : 2;
  }
  const chosen = benchmarks.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const machine = describeMachine();
  const results: Result[] = [];
  let failures = 0;
  console.error(machine.join('\n'));
  const measureAll = async (signal: AbortSignal): Promise<void> => {
    for (const benchmark of chosen) {
      const runs = options.runs ?? benchmark.runs;
      console.error(`\n${benchmark.name}: ${benchmark.title} (${runs} runs)`);
      try {
        const measured = await runBenchmark(benchmark, runs, signal);
        results.push(measured);
        console.error(asText(measured));
      } catch (failed) {
        if (signal.aborted) throw failed;
        failures += 1;
        console.error(`  could not be measured: ${failed instanceof Error ? failed.stack : String(failed)}`);
      }
    }
  };
  let measuring: Promise<void> | undefined;
  try {
    await untilInterrupted((signal) => {
      measuring = measureAll(signal);
      return measuring;
    });
  } catch (interrupted) {
    console.error(interrupted instanceof Error ? interrupted.message : String(interrupted));
    await measuring?.catch(() => undefined); // it cleans up
    return 1;
  }
  if (options.json) console.log(JSON.stringify({ machine, results }));
  if (options.write && failures === 0) writePage(machine, results);
  return failures === 0 ? 0 : 1;
}

function writePage(machine: string[], results: Result[]): void {
  const page = join(repoRoot, 'docs/figures.md');
  const before = existsSync(page) ? readFileSync(page, 'utf8') : '';
  const all = benchmarks.map(({ name }) => name);
  writeFileSync(page, asMarkdown(machine, results, all, before));
}

interface Options {
  only: string[];
  runs: number | undefined;
  json: boolean;
  write: boolean;
}

/** The options, or what is wrong with them ('' when only help was asked for). */
function readOptions(args: string[]): Options | string {
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: 'string', multiple: true, default: [] },
        runs: { type: 'string' },
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return '';
    const unknown = values.only.find((name) => !benchmarks.some((benchmark) => benchmark.name === name));
    if (unknown !== undefined) return `--only ${unknown}: there is no such benchmark`;
    if (values.runs !== undefined && !/^[1-9]\d{0,3}$/.test(values.runs)) return `--runs ${values.runs}: not a count`;
    const runs = values.runs === undefined ? undefined : Number(values.runs);
    return { only: values.only, runs, json: values.json, write: values.write };
  } catch (wrong) {
    return (wrong as Error).message;
  }
}
