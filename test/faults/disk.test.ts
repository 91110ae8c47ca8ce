/** Transfers that break, trees that rot, disks that are full (P2, P3, P7). */
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { nodePaths } from '../../src/node/paths.ts';
import { type Build, stamp } from '../support/builds.ts';
import { waitFor } from '../support/wait.ts';
import { type Case, faultRoom } from './support/case.ts';
import { bytesBelow, fill, smallDisk } from './support/disk.ts';
import { killRsync } from './support/hands.ts';
import { isRoot } from './support/network.ts';

const { fault } = faultRoom({
  section: 'Transfer and disk',
  // n2 has a small disk of its own; as the dev cluster's first leader is any node, a case says which one it fills.
  start: smallDisk('n2', 420),
  needs: isRoot ? null : 'a small disk is a tmpfs, which takes root to mount',
});

const ballastBytes = 60_000_000;

/** A build of which there is enough to be cut in half. */
async function heavy(c: Case): Promise<Build> {
  const { dir } = await c.build();
  writeFileSync(join(dir, 'ballast.bin'), randomBytes(ballastBytes));
  chmodSync(join(dir, 'ballast.bin'), 0o644);
  return { dir, version: await stamp(dir) };
}

/** kill -9 of the receiving rsync once half of the build has arrived. */
async function cutHalfWay(c: Case, nodeId: string, { version }: Build): Promise<void> {
  const partial = join(nodePaths(c.base(nodeId)).releases, `${version.buildHash}.partial`);
  await waitFor('half of the build to arrive', () => bytesBelow(partial) > ballastBytes / 2, {
    timeoutMs: 30_000,
    everyMs: 2,
  });
  c.noteFault();
  expect(killRsync(partial), 'rsync was through already').toBeGreaterThan(0);
}

fault('rsync killed at 50 %, once', 'P2 P7', async (c) => {
  const build = await heavy(c);
  const walk = await c.update({ build, only: [c.follower] });
  await walk.reaches('stage');
  await cutHalfWay(c, c.follower, build);
  c.note('tried again, goes on from the half');
  await walk.ends('committed');
});

fault('a staged tree changed on the disk before its switch', 'P7', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other] });
  await walk.reaches('trial', c.follower);
  const notes = join(nodePaths(c.base(c.other)).releases, walk.to, 'NOTES.txt');
  chmodSync(notes, 0o644);
  appendFileSync(notes, 'rot');
  chmodSync(notes, 0o444);
  c.noteFault();
  const record = await walk.ends('failed');
  expect(record.failure).toMatchObject({ nodeId: c.other, kind: 'verify' });
});

fault('disk too small for the build: found before anything begins', 'P8', async (c) => {
  const full = fill(c.base('n2'), 1_000_000);
  c.noteFault();
  const said = await (await c.update()).isRefused();
  full.empty();
  expect(said).toMatch(/"disk"/);
  c.note('refused by preflight, which names the node');
});

fault('disk full while a build is staged', 'P2', async (c) => {
  const build = await heavy(c);
  const walk = await c.update({ build, only: ['n2'] });
  await walk.reaches('stage');
  const full = fill(c.base('n2'), 5_000_000);
  c.noteFault();
  const record = c.leader === 'n2' ? null : await walk.ends('failed');
  full.empty();
  if (record !== null) expect(record.failure).toMatchObject({ nodeId: 'n2', kind: 'fetch' });
});

fault('disk full while a build that crashes is on trial', 'P3', async (c) => {
  const build = await c.build({ behaviour: 'crash' });
  const good = basename(readlinkSync(nodePaths(c.base('n2')).dist));
  const walk = await c.update({ build, only: ['n2'] });
  await walk.reaches('activate');
  await waitFor('the switch', () => existsSync(nodePaths(c.base('n2')).trial), { timeoutMs: 20_000, everyMs: 2 });
  const full = fill(c.base('n2'), 0);
  c.noteFault();
  await waitFor('the guard to go back', () => basename(readlinkSync(nodePaths(c.base('n2')).dist)) === good, {
    timeoutMs: 40_000,
  });
  c.note('the guard goes back on the full disk');
  full.empty();
  await walk.ends('rolled-back');
});
