/** Transfers that break, trees that rot, disks that are full (P2, P3, P7). */
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { nodePaths } from '../../src/base/paths.ts';
import { type Build, stamp } from '../support/builds.ts';
import { waitFor } from '../support/wait.ts';
import { type Case, faultRoom } from './support/case.ts';
import { bytesBelow, fill, smallDisks } from './support/disk.ts';
import { killRsync } from './support/hands.ts';

const { fault, variant } = faultRoom({
  section: 'Transfer and disk',
  start: smallDisks(420),
  root: true,
});

const ballastBytes = 60_000_000;

/** A build of which there is enough to be cut in half. */
async function heavy(c: Case): Promise<Build> {
  const { dir } = await c.build();
  writeFileSync(join(dir, 'ballast.bin'), randomBytes(ballastBytes));
  chmodSync(join(dir, 'ballast.bin'), 0o644);
  return { dir, version: await stamp(dir) };
}

const partialOf = (c: Case, nodeId: string, { version }: Build): string =>
  join(nodePaths(c.base(nodeId)).releases, `${version.buildHash}.partial`);

/** kill -9 of the receiving rsync once half of the build has arrived. */
async function cutHalfWay(c: Case, nodeId: string, build: Build): Promise<void> {
  const partial = partialOf(c, nodeId, build);
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

variant('rsync killed at 50 %, every time', 'P2', async (c) => {
  const build = await heavy(c);
  const walk = await c.update({ build, only: [c.follower] });
  await walk.reaches('stage');
  const partial = partialOf(c, c.follower, build);
  let cuts = 0;
  c.noteFault();
  const cutting = setInterval(() => {
    if (bytesBelow(partial) > ballastBytes / 2) cuts += killRsync(partial) > 0 ? 1 : 0;
  }, 5);
  const record = await walk.ends('failed').finally(() => clearInterval(cutting));
  expect(cuts).toBeGreaterThan(1);
  // A build that could not be fetched is not a bad build (P10).
  expect(record.failure).toMatchObject({ nodeId: c.follower, kind: 'fetch' });
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
  const full = fill(c.base(c.follower), 1_000_000);
  c.noteFault();
  const said = await (await c.update({ only: [c.follower] })).isRefused();
  full.empty();
  expect(said).toMatch(/"disk"/);
  c.note('refused by preflight, which names the node');
});

fault('disk full while a build is staged', 'P2', async (c) => {
  const build = await heavy(c);
  const walk = await c.update({ build, only: [c.follower] });
  await walk.reaches('stage');
  const full = fill(c.base(c.follower), 5_000_000);
  c.noteFault();
  const record = await walk.ends('failed');
  full.empty();
  expect(record.failure).toMatchObject({ nodeId: c.follower, kind: 'fetch' });
});

fault('disk full while a build that crashes is on trial', 'P3', async (c) => {
  const build = await c.build({ behaviour: 'crash' });
  const good = basename(readlinkSync(nodePaths(c.base(c.follower)).dist));
  const walk = await c.update({ build, only: [c.follower] });
  await walk.reaches('activate');
  await waitFor('the switch', () => existsSync(nodePaths(c.base(c.follower)).trial), { timeoutMs: 20_000, everyMs: 2 });
  const full = fill(c.base(c.follower), 0);
  c.noteFault();
  await waitFor('the guard to go back', () => basename(readlinkSync(nodePaths(c.base(c.follower)).dist)) === good, {
    timeoutMs: 40_000,
  });
  c.note('the guard goes back on the full disk');
  full.empty();
  await walk.ends('rolled-back');
});
