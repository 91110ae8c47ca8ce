import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePaths } from '../src/base/paths.ts';
import { parseTrial, type Trial } from '../src/trial/trial-file.ts';
import { makeBuild } from '../test/support/builds.ts';
import type { DevCluster } from '../test/support/dev-cluster.ts';
import { waitFor } from '../test/support/wait.ts';
import { type Benchmark, benchCluster } from './harness.ts';
import { traceNode } from './trace.ts';
import { mustFail } from './updates.ts';

/** A build that starts and then does nothing: its node waits for the health deadline, and not much longer. */
export const hang: Benchmark = {
  name: 'hang',
  title: 'a build that hangs: from the health deadline to the known-good one healthy again',
  runs: 2,
  figures: {
    back: { what: 'hanging build: health deadline to known-good healthy', unit: 's', target: { atMost: 5 } },
  },
  async open(place) {
    const cluster = await benchCluster(place, 1000);
    return async (n) => {
      const build = await makeBuild({ to: join(place.dir, `build-${n}`), note: `hang run ${n}`, behaviour: 'hang' });
      const traces = cluster.nodes.map(traceNode);
      const [deadlineMs] = await Promise.all([
        healthDeadline(cluster, build.version.buildHash),
        mustFail(cluster, build, place.signal),
      ]);
      const healthy = await waitFor(
        'the known-good release to be healthy',
        () =>
          traces
            .filter(({ moments }) => moments.some((moment) => moment.release === build.version.buildHash))
            .map(({ moments }) => moments.at(-1))
            .find((moment) => moment?.kind === 'healthy' && moment.release !== build.version.buildHash),
        { timeoutMs: 30_000 },
      );
      for (const trace of traces) trace.close();
      return { back: (healthy.atMs - deadlineMs) / 1000 };
    };
  },
};

/** When the node on trial must be healthy, by its own trial file: CLOCK_MONOTONIC, ms. */
async function healthDeadline(cluster: DevCluster, release: string): Promise<number> {
  return waitFor(
    'a node to go on trial',
    () => {
      for (const { base } of cluster.nodes) {
        const trial = readTrial(nodePaths(base).trial);
        if (trial?.release === release) return trial.startedAtMs + trial.healthTimeoutMs;
      }
      return undefined;
    },
    { timeoutMs: 60_000 },
  );
}

function readTrial(file: string): Trial | null {
  try {
    return parseTrial(readFileSync(file, 'utf8'));
  } catch {
    return null; // no trial here
  }
}
