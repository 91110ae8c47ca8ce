/** What happens to a node's member of the Raft group, and to its memory (P1, P4). */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { removeDir, tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';
import { faultRoom } from './support/case.ts';
import { restoreEtcd, saveEtcd } from './support/etcd-data.ts';

const { fault } = faultRoom({ section: 'The store' });

fault('etcd of a follower killed while another node is staged', 'P1', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('stage');
  c.killEtcd(c.other);
  await walk.ends('committed');
});

fault('etcd of the node on trial killed', 'P4', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.killEtcd(c.follower);
  // The daemon is the same incarnation; its member has to catch up, and its heartbeats to begin anew.
  await walk.ends('committed');
});

fault('etcd of the leader killed while a follower is on trial', 'P4 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.killEtcd(c.leader);
  await walk.ends('committed');
});

fault('data directory of etcd removed on a follower that is to be updated', 'P1', async (c) => {
  const saved = tempDir('etcd-data');
  saveEtcd(c.base(c.follower), saved);
  c.kill(c.follower);
  rmSync(join(c.base(c.follower), 'data', 'etcd'), { recursive: true });
  const reasons = await waitFor(
    'the node to say that its data is gone',
    async () => {
      const node = (await c.cluster.status()).nodes.find(({ nodeId }) => nodeId === c.follower);
      return node?.reasons.find((reason) => reason.includes('is gone'));
    },
    { timeoutMs: 40_000, everyMs: 300 },
  );
  // It may have acknowledged writes that it no longer knows: it waits, and nobody else may go down beside it.
  expect(reasons).toContain('remove member');
  const refused = await (await c.update({ only: [c.other] })).isRefused();
  expect(refused).toMatch(/node-unhealthy|node-offline|quorum-unsafe/);
  c.note('it waits and says how to bring it back; an update is refused');
  c.powerOff(c.follower);
  restoreEtcd(c.base(c.follower), saved);
  c.powerOn(c.follower);
  removeDir(saved);
});
