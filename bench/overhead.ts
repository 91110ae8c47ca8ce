import { join } from 'node:path';
import type { UpdateEvent } from '../src/cluster/update/event.ts';
import { makeBuild } from '../test/support/builds.ts';
import { cliOk } from '../test/support/cli.ts';
import type { DevCluster } from '../test/support/dev-cluster.ts';
import { type Benchmark, benchCluster } from './harness.ts';
import { switchToHealthyMs, traceNode } from './trace.ts';
import { mustUpdate } from './updates.ts';

/** The product's default: the floor is made of heartbeats, so the figure is taken with the ones that people run. */
const heartbeatMs = 5000;
/** Heartbeats that the proof of stability takes (UpdateOptions.heartbeats). */
const heartbeats = 3;

/** What an update takes beyond what no update can do without: restart to healthy, and three heartbeats, per node. */
export const overhead: Benchmark = {
  name: 'overhead',
  title: `time of an update over its floor, with a heartbeat of ${heartbeatMs} ms`,
  runs: 3,
  figures: {
    overhead: { what: 'overhead of an update over its floor, staging left out', unit: '%', target: { atMost: 5 } },
    staging: { what: 'staging, which disturbs nobody, before the first node is touched', unit: 's' },
  },
  async open(place) {
    const cluster = await benchCluster(place, heartbeatMs);
    return async (n) => {
      const build = await makeBuild({ to: join(place.dir, `build-${n}`), note: `overhead run ${n}` });
      const traces = cluster.nodes.map(traceNode);
      const record = await mustUpdate(cluster, build, place.signal);
      const restarts = traces.map((trace) => switchToHealthyMs(trace, build.version.buildHash));
      for (const trace of traces) trace.close();
      if (restarts.includes(undefined)) throw new Error('the restart of a node was not seen');
      const floorMs = restarts.reduce<number>((sum, ms) => sum + (ms ?? 0) + heartbeats * heartbeatMs, 0);
      const tookMs = Date.parse(record.endedAt) - Date.parse(record.startedAt); // one machine, one clock
      const stagingMs = await stagingOf(cluster, record.id);
      return { overhead: ((tookMs - stagingMs) / floorMs - 1) * 100, staging: stagingMs / 1000 };
    };
  },
};

/** From the record's own events: between the step that stages and the first one that touches a node, ms. */
async function stagingOf(cluster: DevCluster, updateId: string): Promise<number> {
  const { json } = await cliOk(['updates', 'watch', updateId, '--json'], { config: cluster.config });
  const events = (json as { event?: UpdateEvent }[]).flatMap(({ event }) => event ?? []);
  const steps = events.filter(({ step }) => step !== undefined);
  const first = steps.findIndex(({ step }) => step?.kind === 'stage');
  const next = steps.slice(first).find(({ step }) => step?.kind !== 'stage');
  if (first < 0 || next === undefined) throw new Error('the events do not tell when staging began and ended');
  return Date.parse(next.at) - Date.parse(steps[first]?.at ?? '');
}
