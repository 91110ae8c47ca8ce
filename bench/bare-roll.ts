/**
 * What no update of voters can do without: the Raft leader is moved off a member, the member ends and starts again, one
 * after the other. Nothing of the updater is in it, so it is what the updater's own share is measured against.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEtcdMaintenance } from '../src/adapters/etcd/maintenance.ts';
import { systemClock } from '../src/adapters/system-clock.ts';
import { etcdTlsPaths, loadNodeConfig } from '../src/daemon/config.ts';
import { loadTls } from '../src/grpc/tls.ts';
import type { RaftAdmin, RaftMember } from '../src/ports/raft-admin.ts';
import type { DevCluster } from '../test/support/dev-cluster.ts';
import { waitFor } from '../test/support/wait.ts';

const settleMs = 60_000;

/** Moves and restarts every member in turn; returns when all of them serve again. */
export async function rollMembers(cluster: DevCluster): Promise<void> {
  const configs = cluster.nodes.map(({ base }) => loadNodeConfig(join(base, 'config.yaml')));
  const [first] = configs;
  if (first === undefined) throw new Error('the cluster has no nodes');
  const endpoints = configs.flatMap(({ etcd }) => ('client' in etcd ? [etcd.client] : []));
  const admin = createEtcdMaintenance({ endpoints, tls: loadTls(etcdTlsPaths(first)), clock: systemClock });
  try {
    for (const { base, nodeId } of cluster.nodes) {
      await waitFor(`another Raft leader than ${nodeId}`, () => leadsNoMore(admin, nodeId), { timeoutMs: settleMs });
      const before = memberPid(base);
      process.kill(before, 'SIGTERM');
      await waitFor(`another etcd on ${nodeId}`, () => memberPid(base) !== before, { timeoutMs: settleMs });
      await waitFor('every member to serve', () => allServe(admin), { timeoutMs: settleMs });
    }
  } finally {
    await admin.close();
  }
}

/** True when the member is not the Raft leader; asks it to hand over otherwise, and it is to be asked again. */
async function leadsNoMore(admin: RaftAdmin, nodeId: string): Promise<boolean> {
  const members = await admin.members();
  const own = members.find(({ name }) => name === nodeId);
  const other = members.find(({ name }) => name !== nodeId);
  if (own === undefined || other === undefined) throw new Error(`${nodeId} has no member, or no other one`);
  const { leaderMemberId } = await admin.status(addressOf(own));
  if (leaderMemberId !== own.memberId) return leaderMemberId !== '';
  // A member that has just started may not take it yet; etcd then answers after an election's time that it did not.
  await admin.moveLeader(addressOf(own), other.memberId).catch(() => undefined);
  return false;
}

async function allServe(admin: RaftAdmin): Promise<boolean> {
  try {
    const all = await Promise.all((await admin.members()).map((one) => admin.status(addressOf(one))));
    return all.every(({ leaderMemberId, errors }) => leaderMemberId !== '' && errors.length === 0);
  } catch {
    return false; // one of them does not answer yet
  }
}

const addressOf = (member: RaftMember): string => member.addresses[0] ?? '';

const memberPid = (base: string): number =>
  (JSON.parse(readFileSync(join(base, 'run/etcd.pid'), 'utf8')) as { pid: number }).pid;
