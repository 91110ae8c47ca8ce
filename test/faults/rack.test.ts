/** The power of the whole rack fails in the middle of an update, and comes back (P2, P3, P5). */
import { readlinkSync } from 'node:fs';
import { nodePaths } from '../../src/base/paths.ts';
import { cliOk } from '../support/cli.ts';
import { waitFor } from '../support/wait.ts';
import { type Case, faultRoom } from './support/case.ts';

const { fault, variant } = faultRoom({ section: 'The whole cluster' });

/** kill -9 of everything at once; then every node starts again, as at boot. */
async function powerCut(c: Case): Promise<void> {
  const all = c.cluster.nodes.map(({ nodeId }) => nodeId);
  c.powerOff(...all);
  await c.pause(500);
  c.powerOn(...all);
}

variant('power cut while nodes are staged', 'P2 P5', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other] });
  await walk.reaches('stage');
  await powerCut(c);
  await walk.ends('committed');
});

variant('power cut right before the switch of a follower', 'P2 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('activate');
  await powerCut(c);
  // A new process of the old release, and nothing was switched: it is asked again.
  await walk.ends('committed');
});

fault('power cut right after the switch of a follower', 'P2 P3 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('activate');
  const { dist } = nodePaths(c.base(c.follower));
  await waitFor('the switch', () => readlinkSync(dist).includes(walk.to), { timeoutMs: 20_000, everyMs: 2 });
  await powerCut(c);
  await walk.ends('committed');
});

fault('power cut while a follower is on trial', 'P2 P3 P4', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  await powerCut(c);
  // It restarted once more on trial than it may to be called stable: it goes back.
  await walk.ends('rolled-back');
});

variant('power cut between two nodes, and `dev up` afterwards', 'P1 P5', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other] });
  await walk.reaches('committed', c.follower);
  c.powerOff(...c.cluster.nodes.map(({ nodeId }) => nodeId));
  walk.stopWatching();
  await cliOk(['dev', 'up', '--dir', c.cluster.dir, '--detach', '--json']);
  await walk.ends('committed');
});

fault('power cut while the leadership is handed over', 'P5 P6', async (c) => {
  const walk = await c.update({ only: [c.leader] });
  await walk.reaches('handOver');
  await powerCut(c);
  await walk.ends('committed');
});
