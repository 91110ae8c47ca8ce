/**
 * Code that is not what its name says, on a real cluster (P7): a build that reaches into files beside it, and known-good
 * releases that rot while another build is on trial. One cluster serves all cases, for each must leave it well.
 */
import { appendFileSync, chmodSync, lstatSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { committedFile, committedHere } from '../../src/release/committed.ts';
import { verifyRelease } from '../../src/release/store.ts';
import { readDamage } from '../../src/trial/damage-file.ts';
import { endProbation } from '../../src/trial/probation-view.ts';
import { readInstalled, readLastRollback, readTrial } from '../../src/trial/trial-view.ts';
import { type BuildOptions, makeBuild, readVersion } from '../support/builds.ts';
import { type CliResult, dist } from '../support/cli.ts';
import { type DevCluster, type DevNode, startDevCluster } from '../support/dev-cluster.ts';
import { removeDir, tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';

/** Short, and still in proportion: preflight checks the sums. */
const quick = ['--health-timeout', '12s', '--stabilize-timeout', '15s', '--trial', '40s', '--rollback-timeout', '60s'];

let scratch: string;
let cluster: DevCluster;
let builds = 0;
beforeAll(async () => {
  scratch = tempDir('damaged');
  cluster = await startDevCluster();
});
afterAll(async () => {
  await cluster?.stop();
  removeDir(scratch);
});

const build = (behaviour?: BuildOptions['behaviour']): ReturnType<typeof makeBuild> => {
  builds += 1;
  const to = join(scratch, `build-${builds}`);
  return makeBuild({ to, note: `build ${builds}`, ...(behaviour === undefined ? {} : { behaviour }) });
};
const update = (dir: string, ...flags: string[]): Promise<CliResult> =>
  cluster.cli(['update', dir, '--json', '--yes', ...quick, ...flags]);
const outcomeOf = (result: CliResult): string => (result.json.at(-1) as { outcome: string }).outcome;
const follower = async (): Promise<DevNode> => {
  const { leader } = (await cluster.status()).cluster;
  return cluster.nodes.find((node) => node.nodeId !== leader) as DevNode;
};
const file = (node: DevNode, hash: string, name: string): string => join(node.base, 'releases', hash, name);
const inPlace = (path: string, change: () => void): void => {
  const mode = lstatSync(path).mode & 0o7777;
  chmodSync(path, 0o644);
  change();
  chmodSync(path, mode);
};

/** Every node well and undamaged, and every release that a node runs whole on its disk. */
async function allWell(): Promise<void> {
  await waitFor(
    'every node to be well',
    async () => {
      const { nodes, update: running } = await cluster.status();
      const calm = running === null && nodes.every((one) => one.healthy && one.status === 'active' && !one.trial);
      return calm && cluster.nodes.every(({ base }) => readDamage(base).length === 0);
    },
    { timeoutMs: 90_000 },
  ).catch((cause: unknown) => {
    throw new Error(cluster.logs(), { cause });
  });
  for (const { base } of cluster.nodes) await verifyRelease(base, readInstalled(base) ?? '');
}

/** Spoils the known-good release of a follower as soon as the build is on trial there. Returns the node, once the update has ended. */
async function spoilDuringTrial(dir: string, spoil: (node: DevNode, knownGood: string) => void): Promise<DevNode> {
  const node = await follower();
  const ends = update(dir, '--only', node.nodeId);
  const knownGood = await waitFor('the trial', () => readTrial(node.base)?.knownGood ?? null, {
    timeoutMs: 60_000,
    everyMs: 5,
  });
  spoil(node, knownGood);
  expect(['rolled-back', 'failed']).toContain(outcomeOf(await ends));
  return node;
}

describe('a build that truncates guard.js beside it and exits', () => {
  it('goes back, and the known-good release has every file that it had', async () => {
    const good = readVersion(dist).buildHash;
    const { dir } = await build('spoils-guard');
    const result = await update(dir);
    expect([outcomeOf(result), result.code]).toEqual(['rolled-back', 4]);
    await allWell();
    for (const { base } of cluster.nodes) {
      expect(readInstalled(base)).toBe(good);
      await verifyRelease(base, good);
    }
  });
});

describe('a known-good release that rots during a trial', () => {
  it('with no other committed release: runs marked damaged, and is staged again and healthy by itself', async () => {
    const good = readVersion(dist).buildHash;
    const { dir } = await build('crash');
    const node = await spoilDuringTrial(dir, (on, knownGood) => {
      // A byte behind the last statement: it runs as before, and is not what it was.
      inPlace(file(on, knownGood, 'index.js'), () => appendFileSync(file(on, knownGood, 'index.js'), '\n'));
    });
    expect(readLastRollback(node.base)?.why).toContain('runs all the same');
    await allWell();
    expect(readInstalled(node.base)).toBe(good);
  });

  it('with another committed release: that one runs, the damaged one is staged again, and the node is brought up to it', async () => {
    const before = readVersion(dist).buildHash;
    const second = await build();
    expect(outcomeOf(await update(second.dir))).toBe('committed');
    const after = second.version.buildHash;
    for (const { base } of cluster.nodes) {
      expect(committedHere(base), readFileSync(join(base, committedFile), 'utf8')).toEqual([after, before]);
    }
    const { dir } = await build('crash');
    const node = await spoilDuringTrial(dir, (on, knownGood) => {
      inPlace(file(on, knownGood, 'guard.js'), () => truncateSync(file(on, knownGood, 'guard.js')));
    });
    expect(readLastRollback(node.base)).toMatchObject({ knownGood: before });
    expect(readLastRollback(node.base)?.why).toContain(`releases/${after} is not whole`);
    await waitFor(
      'the node to be brought up',
      () => readInstalled(node.base) === after && readTrial(node.base) === null,
      {
        timeoutMs: 90_000,
      },
    );
    await allWell();
  });
});

describe('a committed release that rots where it starts', () => {
  it('makes room for the one committed before it; it is staged again, and the node is brought up to it', async () => {
    const node = await follower();
    const [rotten = '', before = ''] = committedHere(node.base);
    expect(readInstalled(node.base)).toBe(rotten);
    // Its time is not waited for: while it lasts, the starts are the probation's to count.
    endProbation(node.base);
    inPlace(file(node, rotten, 'index.js'), () => truncateSync(file(node, rotten, 'index.js')));
    const { pid } = JSON.parse(readFileSync(join(node.base, 'run/daemon.json'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    const seen: string[] = [];
    await waitFor(
      'the node to fall back and to be brought up',
      () => {
        const now = readInstalled(node.base) ?? '';
        if (seen.at(-1) !== now) seen.push(now);
        return seen.length >= 3 && now === rotten && readTrial(node.base) === null;
      },
      { timeoutMs: 75_000, everyMs: 20 },
    ).catch((cause: unknown) => {
      throw new Error(`${node.nodeId} ran ${seen.join(', then ')}\n${cluster.logs()}`, { cause });
    });
    expect(seen).toEqual([rotten, before, rotten]);
    expect(readLastRollback(node.base)?.release).not.toBe(rotten);
    await allWell();
  });
});
