import { join } from 'node:path';
import { makeBuild } from '../test/support/builds.ts';
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
    overhead: { what: 'overhead of an update over its floor', unit: '%', target: { atMost: 10 } },
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
      return { overhead: (tookMs / floorMs - 1) * 100 };
    };
  },
};
