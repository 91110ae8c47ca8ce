/** The methods of RollingUpdater that were asked for, each on real ports: daemons, etcd, rsync and certificates of a cluster. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBuild } from '../support/builds.ts';
import { type DevCluster, type DevNode, startDevCluster } from '../support/dev-cluster.ts';
import { removeDir, tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';
import { type ActingLeader, actAsLeader } from './support/acting-leader.ts';

const options = { healthTimeoutMs: 15_000, stabilizeTimeoutMs: 15_000, trialMs: 45_000, rollbackTimeoutMs: 70_000 };

let scratch: string;
let cluster: DevCluster;
let worker: DevNode;
let acting: ActingLeader | null = null;

beforeAll(async () => {
  scratch = tempDir('updater');
  cluster = await startDevCluster({ workers: 1 });
  const found = cluster.nodes.find(({ nodeId }) => !['n1', 'n2', 'n3'].includes(nodeId));
  if (found === undefined) throw new Error('the cluster has no worker');
  worker = found;
});

afterAll(async () => {
  await acting?.stop();
  await cluster?.stop();
  removeDir(scratch);
});

/** A new build on the worker's disk, by the verb that a leader would use; and the worker leads. */
async function leadWithBuild(note: string): Promise<{ leader: ActingLeader; buildHash: string }> {
  await acting?.stop();
  acting = null;
  const build = await makeBuild({ to: join(scratch, note), note: `${note} ${randomBytes(8).toString('hex')}` });
  const { buildHash } = build.version;
  const pushed = await cluster.cli(['update', build.dir, '--dry-run', '--json']);
  expect(pushed.code).toBe(0);
  const { leader } = (await cluster.status()).cluster;
  const stage = ['claudecluster', 'node', 'stage', buildHash.slice(0, 8), '--from', leader ?? '', '--json'];
  const staged = await cluster.cli(['exec', worker.nodeId, '--', ...stage]);
  expect([staged.code, staged.stdout]).toEqual([0, expect.stringContaining(buildHash)]);
  acting = await actAsLeader(worker);
  return { leader: acting, buildHash };
}

/** Preflight wants heartbeats that this leader has seen. */
const whenReady = (leader: ActingLeader, buildHash: string) =>
  waitFor(
    'a plan without refusals',
    async () => {
      const plan = await leader.updater.preflight({ buildHash, options });
      if (plan.refusals.length > 0) throw new Error(JSON.stringify(plan.refusals));
      return plan;
    },
    { timeoutMs: 20_000, everyMs: 300 },
  );

const ended = (updateId: string) =>
  waitFor(
    'the update to end',
    async () => {
      const record = await cluster.record(updateId);
      return record.outcome === null ? null : record;
    },
    { timeoutMs: 90_000, everyMs: 500 },
  );

describe('RollingUpdater on real ports', () => {
  it('preflight and a dry run plan; one node after another is upgraded, is stable, and the leader hands over for its own turn', async () => {
    const { leader, buildHash } = await leadWithBuild('first');
    const { updater, journal } = leader;
    const plan = await whenReady(leader, buildHash);
    expect(plan.order.at(-1)).toMatchObject({ nodeId: worker.nodeId, skip: false });
    expect(await updater.execute({ buildHash, options, dryRun: true })).toMatchObject({ record: null });
    expect(await journal.current()).toBeNull();
    const refused = await updater.preflight({ buildHash, options: { ...options, only: ['n9'] } });
    expect(refused.refusals.map((one) => one.code)).toContain('unknown-node');

    const { record } = await updater.start({ buildHash, options, planHash: plan.planHash.slice(0, 8), by: 'test' });
    const after = await updater.upgradeFollower({ nodeId: 'n1' });
    expect(after?.tasks.map((task) => [task.nodeId, task.phase])).toEqual([
      ['n1', 'committed'],
      ['n2', 'staged'],
      ['n3', 'staged'],
      [worker.nodeId, 'staged'],
    ]);
    await updater.waitForStabilization({ nodeId: 'n1' }, 15_000);
    await expect(updater.waitForStabilization({ nodeId: 'n9' }, 1)).rejects.toMatchObject({ code: 'not-found' });

    const handed = await updater.upgradeLeader();
    expect(handed).toMatchObject({ id: record.id, outcome: null });
    expect(await leader.leader()).toMatch(/^n[123]$/);
    const end = await ended(record.id);
    expect(end).toMatchObject({ outcome: 'committed', operatorMust: null });
    expect(end.tasks.every((task) => task.phase === 'committed')).toBe(true);
    const { nodes } = await cluster.status();
    expect(nodes.map((node) => node.release?.buildHash)).toEqual(nodes.map(() => buildHash));
  }, 240_000);

  it('execute walks until a node in flight is rolled back, and ends there with every node on what it knew', async () => {
    const before = (await cluster.status()).nodes.map((node) => node.release?.buildHash);
    const { leader, buildHash } = await leadWithBuild('second');
    const { updater, journal } = leader;
    await whenReady(leader, buildHash);
    const executed = updater.execute({ buildHash, options, by: 'test' });
    const nodeId = await waitFor(
      'a node on trial',
      async () => (await journal.current())?.tasks.find((task) => task.phase === 'trial')?.nodeId,
      { timeoutMs: 60_000 },
    );
    const back = await updater.rollbackNode({ nodeId });
    expect(back?.tasks.find((task) => task.nodeId === nodeId)).toMatchObject({ phase: 'rolled-back' });
    const { record } = await executed;
    expect(record).toMatchObject({ outcome: 'rolled-back', failure: { nodeId, kind: 'operator' } });
    expect(await journal.quarantine(buildHash)).toBeNull();
    await updater.waitForStabilization({ nodeId }, 20_000);
    expect((await cluster.status()).nodes.map((node) => node.release?.buildHash)).toEqual(before);
  }, 240_000);
});
