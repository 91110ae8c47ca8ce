/** What must be true after every fault: every node well on a complete release that it knows, and a record that says so. */
import { existsSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { expect } from 'vitest';
import { nodePaths } from '../../../src/base/paths.ts';
import type { ClusterStatus } from '../../../src/cluster/control/status.ts';
import type { NodeTask, UpdateRecord } from '../../../src/cluster/update/record.ts';
import { verifyRelease } from '../../../src/release/store.ts';
import type { DevCluster } from '../../support/dev-cluster.ts';
import { waitFor } from '../../support/wait.ts';

/** Waits until every node is healthy and active, the quorum is whole, and no update runs. */
export function untilWell(cluster: DevCluster, timeoutMs = 60_000): Promise<ClusterStatus> {
  let seen = '';
  return waitFor(
    'the cluster to be well',
    async () => {
      const status = await cluster.status();
      seen = describe(status);
      const { voters, healthyVoters, leader, raftLeader } = status.cluster;
      const voting = status.nodes.filter((node) => node.role === 'voter').length;
      const whole = voters === voting && healthyVoters === voters && leader !== null && raftLeader !== null;
      const nodes = status.nodes.filter((node) => node.healthy && node.status === 'active' && node.trial === null);
      return whole && nodes.length === cluster.nodes.length && status.update === null ? status : null;
    },
    { timeoutMs, everyMs: 200 },
  ).catch((thrown: Error) => {
    throw new Error(`${thrown.message}: ${seen}`, { cause: thrown.cause });
  });
}

function describe({ cluster, nodes, update }: ClusterStatus): string {
  const each = nodes.map(
    (node) => `${node.nodeId} ${node.status}${node.healthy ? '' : ` (${node.reasons.join('; ')})`}`,
  );
  const running = update === null ? '' : `; update ${update.id} is ${update.state}, waits for ${update.waiting?.what}`;
  return `leader ${cluster.leader}, ${cluster.healthyVoters} of ${cluster.voters} voters, ${each.join(', ')}${running}`;
}

/** The disk of every node: `dist` leads to what runs, the tree behind it is whole (P2), and no trial is left (P3). */
export async function expectWholeReleases(cluster: DevCluster, status: ClusterStatus): Promise<void> {
  for (const { nodeId, base } of cluster.nodes) {
    const runs = status.nodes.find((node) => node.nodeId === nodeId)?.release?.buildHash ?? '';
    const paths = nodePaths(base);
    expect([nodeId, basename(readlinkSync(paths.dist))]).toEqual([nodeId, runs]);
    await verifyRelease(base, runs);
    const left = [paths.trial, paths.trialEnding, paths.distBak].filter((file) => existsSync(file));
    expect(left, `left of a trial on ${nodeId}`).toEqual([]);
  }
}

/** The record of an ended update against what the nodes run (P5). */
export function expectTruth(record: UpdateRecord, status: ClusterStatus, ran: Record<string, string>): void {
  expect(record.endedAt).not.toBe('');
  expect(record.reservation).toBeNull();
  const last = new Map(record.tasks.map((task) => [task.nodeId, task]));
  const said = Object.fromEntries([...last].map(([nodeId, task]) => [nodeId, saidToRun(task) ?? ran[nodeId]]));
  const run = Object.fromEntries(
    status.nodes.filter(({ nodeId }) => last.has(nodeId)).map(({ nodeId, release }) => [nodeId, release?.buildHash]),
  );
  expect(run, `${record.outcome}: ${[...last.values()].map(({ nodeId, phase }) => `${nodeId} ${phase}`)}`).toEqual(
    said,
  );
  const committed = record.tasks.every(({ phase }) => phase === 'committed' || phase === 'skipped');
  if (record.outcome === 'committed') expect(committed).toBe(true);
  if (record.outcome === 'failed' || record.outcome === 'rolled-back') expect(record.failure).not.toBeNull();
}

function saidToRun(task: NodeTask): string | undefined {
  return task.phase === 'committed' || task.phase === 'skipped' ? task.to : task.from?.buildHash;
}
