import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBuild } from '../test/support/builds.ts';
import { waitFor } from '../test/support/wait.ts';
import { startWriteProbe } from '../test/support/write-probe.ts';
import { rollMembers } from './bare-roll.ts';
import { type Benchmark, benchCluster } from './harness.ts';
import { mustUpdate } from './updates.ts';

const calmMs = 10_000;

interface Where {
  name: string;
  what: string;
  /** Of the gap in ms, and of its ratio to that of a bare roll in the same run. */
  atMost?: { gap: number; ratio: number };
  inMemory: boolean;
  runs: number;
}

/** A client writes while every member is moved and restarted with nothing around it, and while the whole cluster is updated. */
function benchmark(where: Where): Benchmark {
  const target = (which: 'gap' | 'ratio') =>
    where.atMost === undefined ? {} : { target: { atMost: where.atMost[which] } };
  return {
    name: where.name,
    title: `longest gap between two acknowledged writes through a whole update of three voters, ${where.what}`,
    runs: where.runs,
    figures: {
      gap: { what: 'longest gap between two acknowledged writes during an update', unit: 'ms', ...target('gap') },
      bare: {
        what: 'longest gap while each member in turn is moved off the Raft lead and restarted, and no more',
        unit: 'ms',
      },
      ratio: { what: 'the gap during an update, as a multiple of that bare one', unit: 'x', ...target('ratio') },
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
        await rollMembers(cluster);
        const bare = (await probe.report()).longestGapMs;
        await waitFor('a healthy cluster', async () => (await cluster.status()).cluster.healthyVoters === 3, {
          timeoutMs: 60_000,
        });
        probe.resetGap();
        await mustUpdate(cluster, build, place.signal);
        const { longestGapMs: gap, lost } = await probe.stop();
        return { gap, bare, ratio: gap / bare, calm, lost };
      };
    },
  };
}

/** Where the three members share one disk, its stalls are those of all three at once, which no hosts of their own have. */
export const writeGap = benchmark({
  name: 'write-gap',
  what: 'data in memory',
  atMost: { gap: 50, ratio: 1.5 },
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
