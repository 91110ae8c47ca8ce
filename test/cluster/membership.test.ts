import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keys } from '../../src/base/store-keys.ts';
import { approveMember, registerMember } from '../../src/members/registration.ts';
import type { NodeInfo } from '../../src/ports/membership.ts';
import { startTestNode, type TestNode } from './support/cluster-node.ts';
import { startTestEtcd, type TestEtcd, until } from './support/etcd.ts';

describe('membership on three voters', { timeout: 40_000 }, () => {
  let etcd: TestEtcd;
  let nodes: TestNode[] = [];
  beforeAll(async () => {
    etcd = await startTestEtcd(3);
  }, 40_000);
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    nodes = [];
  });
  afterAll(() => etcd?.stop());

  const start = async (...indexes: number[]): Promise<TestNode> => {
    nodes = await Promise.all(indexes.map((index) => startTestNode(etcd, index)));
    const [first] = nodes;
    if (!first) throw new Error('no node');
    return first;
  };
  const seen = async (by: TestNode, nodeId: string): Promise<NodeInfo | undefined> =>
    (await by.membership.getAllNodes()).find((node) => node.nodeId === nodeId);

  it('sees every node beat with one incarnation and a growing number', async () => {
    const n1 = await start(0, 1);
    await until('n2 active', async () => (await seen(n1, 'n2'))?.status === 'active');
    const first = await seen(n1, 'n2');
    await until('three more heartbeats', async () => {
      const now = await seen(n1, 'n2');
      expect(now?.incarnation).toBe(first?.incarnation);
      expect(now?.lastSeenMsAgo ?? 1e9).toBeLessThan(10_000);
      return (now?.heartbeatSeq ?? 0) >= (first?.heartbeatSeq ?? 0) + 3;
    });
  });

  it('sees a change of status at once, between heartbeats', async () => {
    nodes = [await startTestNode(etcd, 0), await startTestNode(etcd, 1, { heartbeatMs: 60_000 })];
    const [n1, n2] = nodes;
    if (!n1 || !n2) throw new Error('no nodes');
    await n2.heartbeat.touch();
    n2.status = 'draining';
    await n2.heartbeat.touch();
    expect((await seen(n1, 'n2'))?.status).toBe('draining');
    await until('the local view to follow', () =>
      n1.membership.lastView().nodes.some((node) => node.nodeId === 'n2' && node.status === 'draining'),
    );
  });

  it('has a node offline at once after a graceful stop, and within the lease after a death', async () => {
    const n1 = await start(0, 1, 2);
    const [, n2, n3] = nodes;
    await until('all active', async () =>
      (await n1.membership.getAllNodes()).every((node) => node.status === 'active'),
    );
    nodes = [n1];
    await n2?.stop();
    expect((await seen(n1, 'n2'))?.status).toBe('offline');
    await n3?.stop({ revoke: false });
    await until('n3 offline', async () => (await seen(n1, 'n3'))?.status === 'offline');
  });

  it('keeps beating through its own member only, and with a new lease after the member came back (P4)', async () => {
    const n1 = await start(0, 1);
    const n2 = nodes[1];
    const member = etcd.members[1];
    if (!n2 || !member) throw new Error('no n2');
    await n2.heartbeat.touch();
    const lease = n2.heartbeat.lease()?.id;
    await member.member.stop();
    await until('n2 offline: others do not beat for it', async () => (await seen(n1, 'n2'))?.status === 'offline');
    expect(n2.heartbeat.lease()).toBeNull();
    await member.startAgain();
    await until('n2 active again', async () => (await seen(n1, 'n2'))?.status === 'active');
    expect(n2.heartbeat.lease()?.id).not.toBe(lease);
  });

  it('has a newcomer wait for approval, and keeps what an operator decided', async () => {
    const n1 = await start(0);
    const newcomer = { nodeId: 'w1', address: 'w1:1', role: 'worker' as const, approved: false, release: null };
    await registerMember(n1.any, { ...newcomer, protocol: { min: 1, max: 1 } });
    expect((await seen(n1, 'w1'))?.status).toBe('pending_approval');
    expect(await approveMember(n1.any, 'w1')).toBe(true);
    expect(await approveMember(n1.any, 'w9')).toBe(false);
    await registerMember(n1.any, { ...newcomer, address: 'w1:2', protocol: { min: 1, max: 1 } });
    expect(await seen(n1, 'w1')).toMatchObject({ status: 'offline', address: 'w1:2' });
    await n1.any.txn([], [{ remove: keys.member('w1') }]);
  });
});
