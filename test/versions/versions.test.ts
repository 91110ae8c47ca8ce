/**
 * Every release of before and this build in one cluster (P11): up, back, and up again, by the tools of either, with faults
 * in the mixed middle. The cluster is made and started by the release of before.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Build, stamp } from '../support/builds.ts';
import { cliOk } from '../support/cli.ts';
import { startDevCluster } from '../support/dev-cluster.ts';
import { waitFor } from '../support/wait.ts';
import { expectSeenByBoth, expectShownByBoth } from './support/both.ts';
import { buildOf } from './support/build.ts';
import { chosenReleases } from './support/releases.ts';
import { type VersionCase, versionRoom } from './support/room.ts';

for (const release of chosenReleases()) {
  describe(release.name, () => {
    const version = versionRoom(release);

    it('what dev up of this build writes on a disk, the old release starts with', async () => {
      const { dir, version: old } = await buildOf(release);
      const made = await startDevCluster({ nodes: 1, release: dir });
      try {
        expect((await made.status()).nodes).toMatchObject([{ healthy: true, release: { buildHash: old.buildHash } }]);
      } finally {
        await made.stop();
      }
    });

    version('a build that crashes, on a node of each version in the mixed middle', 'old', async (c) => {
      const mixed = await c.update('old', await c.build(), ['--only', c.follower]);
      await mixed.ends('committed');
      for (const nodeId of [c.follower, c.other]) {
        const walk = await c.update('new', await c.build({ behaviour: 'crash' }), ['--only', nodeId]);
        expect((await walk.ends('rolled-back')).failure).toMatchObject({ nodeId, kind: 'start' });
      }
      const back = await c.update('old', c.old, ['--only', c.follower]);
      await back.ends('committed');
    });

    version('onFailure: revert takes the nodes that were updated back to the old release', 'old', async (c) => {
      const walk = await c.update('old', await failingOn(c, c.worker), ['--on-failure', 'revert']);
      await walk.reaches('committed', c.other);
      await expectSeenByBoth(c);
      await walk.ends('reverted');
      expect(new Set(Object.values(await c.runs()))).toEqual(new Set([c.old.version.buildHash]));
      await expectShownByBoth(c, await walk.id());
    });

    version('forward by the old CLI, seen in the middle by the tools of both', 'old', async (c) => {
      const walk = await c.update('old', await c.build());
      await walk.reaches('committed', c.follower);
      await expectSeenByBoth(c);
      await walk.ends('committed');
      await expectShownByBoth(c, await walk.id());
    });

    version('back and forward again, by the MCP server of the one against a leader of the other', 'new', async (c) => {
      const back = await (await c.agent('old')).update(c.old.dir);
      expect(new Set(Object.values(await c.runs()))).toEqual(new Set([c.old.version.buildHash]));
      await expectShownByBoth(c, back);
      const next = await c.build();
      const forward = await (await c.agent('new')).update(next.dir);
      expect(new Set(Object.values(await c.runs()))).toEqual(new Set([next.version.buildHash]));
      await expectShownByBoth(c, forward);
    });

    version('back by the old CLI, the leader killed in the mixed middle', 'new', async (c) => {
      const walk = await c.update('old', c.old);
      await walk.reaches('committed', c.follower);
      c.kill(c.leader);
      await walk.ends('committed');
      await expectShownByBoth(c, await walk.id());
    });

    version('forward by the new CLI, the leader killed in the mixed middle', 'old', async (c) => {
      const walk = await c.update('new', await c.build());
      await walk.reaches('committed', c.follower);
      c.kill(c.leader);
      await walk.ends('committed');
      await expectShownByBoth(c, await walk.id());
    });

    version('a straggler of the old release is brought up by leaders of this one', 'old', async (c) => {
      c.powerOff(c.worker);
      await offline(c, c.worker);
      const next = await c.build();
      const walk = await c.update('new', next, ['--skip-offline']);
      await walk.ends('committed');
      c.powerOn(c.worker);
      await waitFor(
        'the straggler to be brought up',
        async () => (await c.runs())[c.worker] === next.version.buildHash,
        {
          timeoutMs: 60_000,
          everyMs: 500,
        },
      );
    });

    version('a key of a newer build in config.yaml stays there through a rollback', 'new', async (c) => {
      const file = join(c.base(c.follower), 'config.yaml');
      appendFileSync(file, 'ofANewerBuild: true\n');
      const crash = await c.update('new', await c.build({ behaviour: 'crash' }), ['--only', c.follower]);
      await crash.ends('rolled-back');
      const good = await c.update('new', await c.build(), ['--only', c.follower]);
      await good.ends('committed');
      expect(readFileSync(join(c.base(c.follower), 'log', 'daemon.log'), 'utf8')).toContain('ofANewerBuild');
      if (release.strictConfig === true) {
        // It refuses what it does not know, and this build's guard takes the node back.
        const back = await c.update('new', c.old, ['--only', c.follower]);
        expect((await back.ends('rolled-back')).failure).toMatchObject({ nodeId: c.follower, kind: 'start' });
        await cliOk(['releases', 'unquarantine', c.old.version.buildHash], { config: c.cluster.new.config });
      } else {
        const back = await c.update('new', c.old, ['--only', c.follower]);
        await back.ends('committed');
      }
      writeFileSync(file, readFileSync(file, 'utf8').replace('ofANewerBuild: true\n', ''));
    });
  });
}

async function offline(c: VersionCase, nodeId: string): Promise<void> {
  await waitFor(
    `${nodeId} to be offline`,
    async () => (await c.cluster.new.status()).nodes.find((node) => node.nodeId === nodeId)?.status === 'offline',
    { timeoutMs: 30_000, everyMs: 200 },
  );
}

/** The daemon of one node crashes at start; everywhere else the build is good. */
async function failingOn(c: VersionCase, nodeId: string): Promise<Build> {
  const build = await c.build();
  const index = join(build.dir, 'index.js');
  const where = JSON.stringify(`${c.base(nodeId)}/`);
  const [first = '', ...rest] = readFileSync(index, 'utf8').split('\n');
  const crash = `if (process.argv.includes('daemon') && process.argv.some((word) => word.startsWith(${where}))) { console.error('not on this node'); process.exit(1); }`;
  writeFileSync(index, [first, crash, ...rest].join('\n'));
  appendFileSync(join(build.dir, 'NOTES.txt'), `fails on ${nodeId}\n`);
  return { dir: build.dir, version: await stamp(build.dir) };
}
