/** A store that is busy with somebody else's writes: nobody is dead, and everybody is late (P1, P4). */
import { it } from 'vitest';
import { type Case, type FaultTest, faultRoom } from './support/case.ts';
import { hasEtcdctl, type LoadSize, startLoad } from './support/load.ts';

const room = faultRoom({ section: 'A busy store' });
const withEtcdctl = (declare: FaultTest): FaultTest =>
  hasEtcdctl()
    ? declare
    : (title) => void it(title, (context) => context.skip('it takes etcdctl, of the package etcd-client'));
const fault = withEtcdctl(room.fault);
const variant = withEtcdctl(room.variant);

/** A start of Node and etcd takes its time on cores that others keep busy; these limits are not what the cases are about. */
const patient = [
  '--health-timeout',
  '40s',
  '--stabilize-timeout',
  '40s',
  '--trial',
  '100s',
  '--rollback-timeout',
  '140s',
];

variant('an update under `etcdctl check perf --load=s` on the same hosts', 'P1 P4', async (c) => {
  await underLoad(c, 's', async () => {
    const walk = await c.update({ flags: patient });
    await walk.ends('committed', { withinMs: 130_000 });
  });
});

// A thousand writes a second of a kilobyte each leave little of two cores: the last question of the second node was not answered
// within a second, and silence was taken for a no.
fault('an update of two followers under `etcdctl check perf --load=m` on the same hosts', 'P1 P4', async (c) => {
  await underLoad(c, 'm', async () => {
    const walk = await c.update({ only: [c.follower, c.other], flags: patient });
    await walk.ends('committed', { withinMs: 130_000 });
  });
});

async function underLoad(c: Case, size: LoadSize, body: () => Promise<void>): Promise<void> {
  const load = startLoad(c.cluster, size);
  try {
    await c.pause(2_000);
    c.noteFault();
    await body();
  } finally {
    await load.stop();
  }
}
