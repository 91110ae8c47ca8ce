import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Build, makeBuild, stamp } from '../test/support/builds.ts';
import { waitFor } from '../test/support/wait.ts';
import { type Benchmark, benchCluster } from './harness.ts';
import { traceNode } from './trace.ts';
import { mustFail } from './updates.ts';

/** A build that crashes at start: how long the node is without a healthy daemon. */
export const crash: Benchmark = {
  name: 'crash',
  title: 'a build that crashes at start: from its first start to the known-good one healthy again',
  runs: 5,
  figures: {
    back: { what: 'crashing build: first start to known-good healthy', unit: 's', target: { atMost: 5 } },
  },
  async open(place) {
    const cluster = await benchCluster(place, 1000);
    return async (n) => {
      const starts = join(place.dir, `starts-${n}`);
      const build = await crashingBuild(join(place.dir, `build-${n}`), starts, n);
      const traces = cluster.nodes.map(traceNode);
      await mustFail(cluster, build, place.signal);
      const firstStartMs = Number(readFileSync(starts, 'utf8').split('\n')[0]);
      const healthy = await waitFor(
        'the known-good release to be healthy',
        () =>
          traces
            .filter(({ moments }) => moments.some((moment) => moment.release === build.version.buildHash))
            .flatMap(({ moments }) => moments)
            .find((moment) => moment.kind === 'healthy' && moment.atMs > firstStartMs),
        { timeoutMs: 30_000 },
      );
      for (const trace of traces) trace.close();
      return { back: (healthy.atMs - firstStartMs) / 1000 };
    };
  },
};

/** It writes down when each of its processes began (CLOCK_MONOTONIC, ms), and crashes. */
async function crashingBuild(dir: string, starts: string, n: number): Promise<Build> {
  await makeBuild({ to: dir, note: `crash run ${n}`, behaviour: 'crash' });
  const index = join(dir, 'index.js');
  const note =
    "if (process.argv[2] === 'daemon') require('node:fs').appendFileSync(" +
    `${JSON.stringify(starts)}, (Number(process.hrtime.bigint()) / 1e6 - process.uptime() * 1000) + '\\n');\n`;
  const program = readFileSync(index, 'utf8');
  const shebang = /^#!.*\n/.exec(program)?.[0] ?? '';
  writeFileSync(index, shebang + note + program.slice(shebang.length));
  return { dir, version: await stamp(dir) };
}
