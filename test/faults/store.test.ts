/** What happens to a node's member of the Raft group, and to its memory (P1, P4). */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { removeDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';
import { type Case, faultRoom } from './support/case.ts';

const { fault, variant } = faultRoom({ section: 'The store' });

variant('etcd of a follower killed while another node is staged', 'P1', async (c) => {
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

/** The node goes down, and comes back without its member's data; returns what gives them back. */
function loseData(c: Case, nodeId: string): () => void {
  const data = join(c.base(nodeId), 'data', 'etcd');
  c.powerOff(nodeId);
  renameSync(data, `${data}.lost`);
  c.powerOn(nodeId);
  return () => {
    c.powerOff(nodeId);
    removeDir(data);
    renameSync(`${data}.lost`, data);
    c.powerOn(nodeId);
  };
}

fault('data directory of etcd removed: no update begins', 'P1 P8', async (c) => {
  const restore = loseData(c, c.follower);
  const reason = await waitFor(
    'the node to say that its data is gone',
    async () => {
      const node = (await c.cluster.status()).nodes.find(({ nodeId }) => nodeId === c.follower);
      return node?.reasons.find((one) => one.includes('is gone'));
    },
    { timeoutMs: 40_000, everyMs: 300 },
  );
  // It may have acknowledged writes that it no longer knows: it waits, and nobody else may go down beside it.
  expect(reason).toContain('is gone');
  const refused = await (await c.update({ only: [c.other] })).isRefused();
  expect(refused).toMatch(/node-unhealthy|node-offline|quorum-unsafe/);
  c.note('it waits and says so; an update is refused');
  restore();
});

fault('data directory of etcd removed during the trial of another node', 'P1 P8', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other], flags: ['--gate-timeout', '5s'] });
  await walk.reaches('trial', c.follower);
  const restore = loseData(c, c.other);
  // The node on trial proves itself; the next one is never taken out of service.
  const record = await walk.ends('failed');
  expect(record.failure).toMatchObject({ nodeId: c.other, kind: 'quorum' });
  expect(record.tasks.map(({ nodeId, phase }) => [nodeId, phase])).toEqual([
    [c.follower, 'committed'],
    [c.other, 'failed'],
  ]);
  restore();
});
