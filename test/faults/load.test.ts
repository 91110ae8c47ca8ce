/** A store that is busy with somebody else's writes: nobody is dead, and everybody is late (P1, P4). */
import { faultRoom } from './support/case.ts';
import { startLoad } from './support/load.ts';

const { fault } = faultRoom({ section: 'A busy store' });

for (const size of ['s', 'm'] as const) {
  fault(`an update under \`etcdctl check perf --load=${size}\` on the same hosts`, 'P1 P4', async (c) => {
    const load = startLoad(c.cluster, size);
    try {
      await c.pause(2_000);
      const walk = await c.update();
      await walk.ends('committed');
    } finally {
      await load.stop();
    }
  });
}
