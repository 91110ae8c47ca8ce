/** Node verbs at an operator's hand on a real cluster: one voter at a time (P1), and epochs that the cluster has (P6). */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodePaths } from '../../src/base/paths.ts';
import type { ClusterStatus } from '../../src/cluster/control/status.ts';
import { type Build, makeBuild } from '../support/builds.ts';
import { type CliResult, cli } from '../support/cli.ts';
import { type DevCluster, type DevNode, startDevCluster } from '../support/dev-cluster.ts';
import { removeDir, tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';

const dir = tempDir('by-hand');
let cluster: DevCluster;
let build: Build;
let followers: DevNode[];
let epoch = 0;
const mistyped = 700_007;

beforeAll(async () => {
  cluster = await startDevCluster();
  build = await makeBuild({ to: join(dir, 'build'), note: 'by hand' });
  const status = await cluster.status();
  epoch = status.cluster.epoch;
  followers = cluster.nodes.filter(({ nodeId }) => nodeId !== status.cluster.leader);
  for (const { base } of cluster.nodes) {
    cpSync(build.dir, join(nodePaths(base).releases, build.version.buildHash), { recursive: true });
  }
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
  removeDir(dir);
}, 60_000);

const verb = (node: DevNode, ...argv: string[]): Promise<CliResult> =>
  cli(['node', ...argv, '--json'], { config: join(node.base, 'config.yaml') });
const activate = (node: DevNode, update: string, at = epoch): Promise<CliResult> =>
  verb(node, 'activate', build.version.buildHash, '--update', update, '--epoch', String(at), '--trial', '60s');
const errorOf = ({ json }: CliResult) => (json.at(-1) as { error?: { code: string; seen?: string } }).error;
const keptBy = ({ base }: DevNode): unknown => JSON.parse(readFileSync(nodePaths(base).epoch, 'utf8'));

const statusWhen = (what: string, holds: (status: ClusterStatus) => boolean): Promise<ClusterStatus> =>
  waitFor(
    what,
    async () => {
      const status = await cluster.status();
      return holds(status) ? status : null;
    },
    { timeoutMs: 40_000, everyMs: 200 },
  );
const allWell = ({ cluster: { voters, healthyVoters }, nodes }: ClusterStatus): boolean =>
  voters === 3 && healthyVoters === 3 && nodes.every((node) => node.healthy && node.trial === null);

describe('verbs by hand', () => {
  it('an epoch that nobody led under is refused on every verb, and the present one is taken afterwards', async () => {
    const [first] = followers as [DevNode];
    const refused = await activate(first, 'typo-1', mistyped);
    expect([refused.code, errorOf(refused)]).toMatchObject([3, { code: 'refused', seen: `epoch ${mistyped}` }]);
    const commit = await verb(first, 'commit', '--update', 'typo-1', '--epoch', String(mistyped));
    expect(errorOf(commit)).toMatchObject({ code: 'refused' });
    // One that an older build kept: the node lets go of it when the present leader's command comes.
    writeFileSync(nodePaths(first.base).epoch, `{"epoch":${Number.MAX_SAFE_INTEGER}}`);
    expect((await verb(first, 'commit', '--update', 'none-1', '--epoch', String(epoch))).code).toBe(0);
    expect(keptBy(first)).toEqual({ epoch });
  });

  it('of two voters activated at once one is refused, no update begins meanwhile, and a commit frees the place', async () => {
    const both = await Promise.all(followers.map((node, at) => activate(node, `hand-${at}`)));
    expect(both.map(({ code }) => code).sort(), JSON.stringify(both)).toEqual([0, 3]);
    const won = followers[both.findIndex(({ code }) => code === 0)] as DevNode;
    const lost = both.find(({ code }) => code === 3) as CliResult;
    expect(errorOf(lost)).toMatchObject({ code: 'quorum-unsafe' });
    const held = await statusWhen('the one on trial to be well', ({ nodes }) =>
      nodes.some((node) => node.nodeId === won.nodeId && node.healthy && node.trial?.bootsUsed === 1),
    );
    expect(held.byHand).toMatchObject({ nodeId: won.nodeId });
    const update = await cluster.cli(['update', build.dir, '--dry-run', '--json']);
    expect([update.code, update.stdout]).toEqual([3, expect.stringContaining(`${won.nodeId} holds it for hand-`)]);
    const name = held.byHand?.updateId ?? '';
    const commit = await verb(won, 'commit', '--update', name, '--epoch', String(held.cluster.epoch));
    expect(commit.code, commit.stdout).toBe(0);
    await statusWhen('the place to be free', (status) => status.byHand === undefined && allWell(status));
  });

  it('a rollback frees the place when the node is well again', async () => {
    const status = await cluster.status();
    const next = cluster.nodes.find(
      ({ nodeId }) =>
        nodeId !== status.cluster.leader &&
        status.nodes.find((node) => node.nodeId === nodeId)?.release?.buildHash !== build.version.buildHash,
    ) as DevNode;
    expect((await activate(next, 'back-1', status.cluster.epoch)).code).toBe(0);
    expect((await verb(next, 'rollback', '--why', 'a test')).code).toBe(0);
    await statusWhen('the place to be free', (now) => now.byHand === undefined && allWell(now));
  });

  it('the place of a voter that is gone is given up at the word of an operator who names it', async () => {
    const [one, two] = cluster.nodes as [DevNode, DevNode];
    expect(await verb(one, 'release-hold', two.nodeId)).toMatchObject({ code: 0, json: [{ changed: false }] });
  });
});
