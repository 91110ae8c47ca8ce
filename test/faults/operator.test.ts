/** Operators at the worst time, and builds that are bad where it hurts most (P3, P5, P10). */
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Build } from '../support/builds.ts';
import { stamp } from '../support/builds.ts';
import { cliOk } from '../support/cli.ts';
import { type Case, faultRoom } from './support/case.ts';

const { fault, variant } = faultRoom({ section: 'Operators and bad builds' });

const steer = (c: Case, action: 'pause' | 'resume' | 'abort' | 'revert', id: string): Promise<unknown> =>
  cliOk(['updates', action, id], { config: c.cluster.config });

fault('two updates at once', 'P1 P6', async (c) => {
  const one = await c.build();
  const two = await c.build();
  const first = await c.update({ build: one, only: [c.follower] });
  await first.reaches('stage');
  c.noteFault();
  expect(await (await c.update({ build: two })).isRefused()).toContain('update-running');
  c.note('the second is refused, and names the first');
  await first.ends('committed');
});

variant('paused between two nodes, leader killed, resumed', 'P5', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other] });
  await walk.reaches('trial', c.follower);
  await steer(c, 'pause', await walk.id());
  await walk.reaches('committed', c.follower);
  c.kill(c.leader);
  await walk.nextLeader();
  await walk.hears('waiting', 'resume');
  expect((await c.cluster.status()).nodes.every((node) => node.trial === null)).toBe(true);
  await steer(c, 'resume', await walk.id());
  await walk.ends('committed');
});

fault('aborted during a trial', 'P3', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  c.noteFault();
  await steer(c, 'abort', await walk.id());
  const record = await walk.ends('rolled-back');
  expect(record.failure?.kind).toBe('operator');
});

fault('reverted in the middle, leader killed on the way back', 'P5', async (c) => {
  const walk = await c.update({ only: [c.follower, c.other] });
  await walk.reaches('committed', c.follower);
  await steer(c, 'revert', await walk.id());
  await walk.reaches('revert');
  c.kill(c.leader);
  await walk.ends('reverted');
});

variant('a build that crashes at start, with onFailure revert, after a node was committed', 'P3 P10', async (c) => {
  const build = await failingOn(c, c.other);
  c.noteFault();
  const walk = await c.update({ build, only: [c.follower, c.other], flags: ['--on-failure', 'revert'] });
  const record = await walk.ends('reverted');
  expect(record.failure).toMatchObject({ nodeId: c.other, kind: 'start' });
});

fault("a bad build as the leader's own: it crashes on the leader only", 'P3 P10', async (c) => {
  const walk = await c.update({ build: await failingOn(c, c.leader), only: [c.leader] });
  await walk.reaches('activate');
  c.noteFault();
  const record = await walk.ends('rolled-back');
  expect(record.failure).toMatchObject({ nodeId: c.leader, kind: 'start' });
});

fault('a build that gets healthy and dies, and the leader killed before it does', 'P3 P4 P5', async (c) => {
  const walk = await c.update({ build: await c.build({ behaviour: 'dies-after=2500' }), only: [c.follower] });
  await walk.reaches('trial');
  c.kill(c.leader);
  const record = await walk.ends('rolled-back');
  expect(record.failure?.nodeId).toBe(c.follower);
});

/** The daemon of one node crashes at start; everywhere else the build is good. */
async function failingOn(c: Case, nodeId: string): Promise<Build> {
  const build = await c.build();
  const index = join(build.dir, 'index.js');
  const where = JSON.stringify(`${c.base(nodeId)}/`);
  const [first = '', ...rest] = readFileSync(index, 'utf8').split('\n');
  const crash = `if (process.argv.includes('daemon') && process.argv.some((word) => word.startsWith(${where}))) { console.error('not on this node'); process.exit(1); }`;
  for (const name of ['index.js', 'NOTES.txt']) chmodSync(join(build.dir, name), 0o644); // the stamp takes it back
  writeFileSync(index, [first, crash, ...rest].join('\n'));
  appendFileSync(join(build.dir, 'NOTES.txt'), `fails on ${nodeId}\n`);
  return { dir: build.dir, version: await stamp(build.dir) };
}
