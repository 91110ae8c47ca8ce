/** A follower dies, or hangs, at every moment of its own turn and between the turns of others (P1 to P4). */
import { expect } from 'vitest';
import { faultRoom } from './support/case.ts';

const { fault, variant } = faultRoom({ section: 'A follower' });

variant('follower killed while it is staged', 'P2 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('stage');
  c.kill(c.follower);
  await walk.ends('committed');
});

variant('follower killed while it drains', 'P2', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('drain');
  c.kill(c.follower);
  const record = await walk.ends(['committed', 'rolled-back']);
  if (record.outcome === 'rolled-back') expect(record.failure?.kind).toBe('unknown');
});

variant('follower killed while it is activated', 'P2 P3', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('activate');
  c.kill(c.follower);
  // Before the switch or behind it: a new process of the old release is taken for one that went back.
  const record = await walk.ends(['committed', 'rolled-back']);
  if (record.outcome === 'rolled-back') expect(record.failure?.kind).toBe('unknown');
});

fault('follower killed on trial', 'P3 P4', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.kill(c.follower);
  const record = await walk.ends('rolled-back');
  expect(record.failure).toMatchObject({ nodeId: c.follower, kind: 'stability' });
});

variant('follower killed after its commit, the next one to come', 'P1', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other] });
  await walk.reaches('committed', c.follower);
  c.kill(c.follower);
  await walk.ends('committed');
});

fault('heir killed while the leader hands over to it', 'P5 P6', async (c) => {
  const walk = await c.update({ only: [c.leader] });
  const { step } = await walk.reaches('handOver');
  if (step?.kind === 'handOver') c.kill(step.to);
  await walk.ends('committed');
});

variant('follower frozen for a moment while it is staged', 'P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('stage');
  c.freeze(c.follower);
  await c.pause(4_000);
  c.thaw(c.follower);
  await walk.ends('committed');
});

variant('follower frozen while it drains, past its lease', 'P1 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('drain');
  c.freeze(c.follower);
  await c.pause(8_000);
  c.thaw(c.follower);
  await walk.ends('committed');
});

variant('follower frozen for a moment on trial', 'P4', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.freeze(c.follower);
  await c.pause(4_000);
  c.thaw(c.follower);
  await walk.ends('committed');
});

fault('follower frozen on trial until its deadlines are over', 'P3 P4', async (c) => {
  const flags = ['--health-timeout', '8s', '--stabilize-timeout', '6s', '--trial', '24s', '--rollback-timeout', '60s'];
  const walk = await c.update({ only: [c.follower], flags });
  await walk.reaches('trial');
  c.freeze(c.follower);
  // Nobody can ask it: its own guard ends the trial, and the frozen processes with it.
  const record = await walk.ends('rolled-back');
  expect(record.failure?.nodeId).toBe(c.follower);
});

fault('follower without power on trial, back before its deadline', 'P3 P4', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.powerOff(c.follower);
  await c.pause(1_000);
  c.powerOn(c.follower);
  await walk.ends('rolled-back');
});
