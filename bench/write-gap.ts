import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBuild } from '../test/support/builds.ts';
import { startWriteProbe } from '../test/support/write-probe.ts';
import { type Benchmark, benchCluster } from './harness.ts';
import { mustUpdate } from './updates.ts';

const calmMs = 10_000;

/** A client writes while the whole cluster, leader included, is updated. */
export const writeGap: Benchmark = {
  name: 'write-gap',
  title: 'longest gap between two acknowledged writes through a whole update of three voters',
  runs: 5,
  figures: {
    gap: { what: 'longest gap between two acknowledged writes during an update', unit: 'ms', target: { atMost: 50 } },
    calm: { what: 'longest gap in ten seconds without an update', unit: 'ms' },
    lost: { what: 'acknowledged writes lost', unit: 'writes', target: { atMost: 0 } },
  },
  async open(place) {
    const cluster = await benchCluster(place, 1000);
    return async (n) => {
      const build = await makeBuild({ to: join(place.dir, `build-${n}`), note: `write-gap run ${n}` });
      const probe = await startWriteProbe(cluster, { prefix: `/probe/${n}/` });
      place.defer(() => probe.kill());
      await sleep(calmMs, undefined, { signal: place.signal });
      const calm = (await probe.report()).longestGapMs;
      probe.resetGap();
      await mustUpdate(cluster, build, place.signal);
      const { longestGapMs, lost } = await probe.stop();
      return { gap: longestGapMs, calm, lost };
    };
  },
};
