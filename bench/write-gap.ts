import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBuild } from '../test/support/builds.ts';
import { startWriteProbe } from '../test/support/write-probe.ts';
import { type Benchmark, benchCluster } from './harness.ts';
import { mustUpdate } from './updates.ts';

const calmMs = 10_000;

/** A client writes while the whole cluster, leader included, is updated. */
function benchmark(where: { name: string; what: string; atMost?: number; inMemory: boolean; runs: number }): Benchmark {
  const target = where.atMost === undefined ? {} : { target: { atMost: where.atMost } };
  return {
    name: where.name,
    title: `longest gap between two acknowledged writes through a whole update of three voters, ${where.what}`,
    runs: where.runs,
    figures: {
      gap: { what: 'longest gap between two acknowledged writes during an update', unit: 'ms', ...target },
      calm: { what: 'longest gap in ten seconds without an update', unit: 'ms' },
      lost: { what: 'acknowledged writes lost', unit: 'writes', target: { atMost: 0 } },
    },
    async open(place) {
      const cluster = await benchCluster(place, 1000, { inMemory: where.inMemory });
      return async (n) => {
        const build = await makeBuild({ to: join(place.dir, `build-${n}`), note: `${where.name} run ${n}` });
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
}

/** Where the three members share one disk, its stalls are those of all three at once, which no hosts of their own have. */
export const writeGap = benchmark({
  name: 'write-gap',
  what: 'data in memory',
  atMost: 50,
  inMemory: true,
  runs: 5,
});

/** The same with that disk, for comparison: its own stalls are in it. */
export const writeGapOnDisk = benchmark({
  name: 'write-gap-disk',
  what: "three members on this machine's one disk",
  inMemory: false,
  runs: 3,
});
