/** The leader dies, or hangs, at every moment of an update. The record goes on without it (P5, P6). */
import { expect } from 'vitest';
import { faultRoom } from './support/case.ts';

const { fault, variant } = faultRoom({ section: 'The leader' });

variant('leader killed while it stages', 'P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('stage');
  c.kill(c.leader);
  await walk.ends('committed');
});

fault('leader without power while it stages; it alone has the build', 'P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('stage');
  c.powerOff(c.leader);
  await walk.nextLeader();
  c.powerOn(c.leader);
  await walk.ends('committed');
});

variant('leader killed while a follower drains and switches', 'P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('drain');
  c.kill(c.leader);
  await walk.ends('committed');
});

variant('leader without power while a follower is activated', 'P1 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('drain');
  c.powerOff(c.leader);
  // Two of three are left: the follower may not stop as well, whether the next leader sees it or the node itself.
  const record = await walk.ends('failed');
  // The gate's own look, an answer to the node's last question, or no answer to it until the gate's time was over.
  expect(record.failure).toMatchObject({ nodeId: c.follower, kind: expect.stringMatching(/^(quorum|activate)$/) });
});

fault('leader killed while a follower is on trial', 'P4 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.kill(c.leader);
  await walk.ends('committed');
});

variant('leader killed while it commits a follower', 'P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('commit');
  c.kill(c.leader);
  await walk.ends('committed');
});

variant('leader killed between two nodes', 'P1 P5', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other] });
  await walk.reaches('committed', c.follower);
  c.kill(c.leader);
  await walk.ends('committed');
});

fault('leader killed while it hands over', 'P5 P6', async (c) => {
  const walk = await c.update({ only: [c.leader] });
  await walk.reaches('handOver');
  c.kill(c.leader);
  await walk.ends('committed');
});

fault('leader killed during a trial, and the next leader too', 'P3 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.kill(c.leader);
  const next = await walk.nextLeader();
  c.kill(next);
  // A node on trial that is killed has not proved itself (P4): it goes back.
  await walk.ends(next === c.follower ? 'rolled-back' : 'committed');
});

variant('leader frozen while it stages, and woken up', 'P5 P6', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('stage');
  c.freeze(c.leader);
  await walk.nextLeader();
  c.thaw(c.leader);
  await walk.ends('committed');
});

fault('leader frozen while a follower is on trial, and woken up', 'P4 P6', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.freeze(c.leader);
  const next = await walk.nextLeader();
  c.thaw(c.leader);
  expect(next).not.toBe(c.leader);
  await walk.ends('committed');
});

variant('leader frozen between two nodes, and woken up', 'P1 P6', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other] });
  await walk.reaches('committed', c.follower);
  c.freeze(c.leader);
  await walk.nextLeader();
  c.thaw(c.leader);
  await walk.ends('committed');
});

variant('leader frozen while it hands over, and woken up', 'P6', async (c) => {
  const walk = await c.update({ only: [c.leader] });
  await walk.reaches('handOver');
  c.freeze(c.leader);
  await walk.nextLeader();
  c.thaw(c.leader);
  await walk.ends('committed');
});
