import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../src/adapters/system-clock.ts';
import { keys } from '../../src/base/store-keys.ts';
import { keepRaftLeaderHere } from '../../src/cluster/leadership/keep-raft-leader.ts';
import { quorumCheck } from '../../src/cluster/quorum-check.ts';
import { startTestNode, type TestNode } from './support/cluster-node.ts';
import { silent, startTestEtcd, type TestEtcd, until } from './support/etcd.ts';

describe('leadership on three voters', { timeout: 60_000 }, () => {
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

  const startAll = async (indexes: number[], options: Parameters<typeof startTestNode>[2]): Promise<TestNode[]> => {
    nodes = await Promise.all(indexes.map((index) => startTestNode(etcd, index, options)));
    await until('a leader', () => nodes.some((node) => node.leadership.isLeader()));
    return nodes;
  };
  const start = (...indexes: number[]): Promise<TestNode[]> => startAll(indexes, {});
  const leaderOf = (): TestNode => {
    const leading = nodes.filter((node) => node.leadership.isLeader());
    const [only] = leading;
    if (leading.length !== 1 || !only) throw new Error(`${leading.length} nodes lead`);
    return only;
  };
  const otherThan = (node: TestNode): TestNode => {
    const other = nodes.find((one) => one !== node);
    if (!other) throw new Error('only one node');
    return other;
  };

  it('goes to one of two candidates, never to both', async () => {
    let both = 0;
    await start(0, 1);
    for (let round = 0; round < 5; round += 1) {
      const leader = leaderOf();
      const epoch = leader.leadership.epoch();
      // Somebody removes the key: both campaign at once.
      await leader.any.txn([], [{ remove: keys.leader }]);
      await until('a leader with a higher epoch', () => {
        const leading = nodes.filter((node) => node.leadership.isLeader());
        if (leading.length > 1 && new Set(leading.map((node) => node.leadership.epoch())).size === 1) both += 1;
        return leading.some((node) => node.leadership.epoch() > epoch);
      });
      await until('one leader', () => nodes.filter((node) => node.leadership.isLeader()).length === 1);
    }
    expect(both).toBe(0);
    expect((await leaderOf().leadership.leadership()).leader).toBe(leaderOf().nodeId);
  });

  it('is handed over in one transaction: next epoch, on the lease of the target, seen at once', async () => {
    // Seen by the watch: the next poll comes after the test's own time.
    await startAll([0, 1], { pollMs: 120_000 });
    const from = leaderOf();
    const to = otherThan(from);
    await until('the target to have a record', async () => (await from.any.get(keys.node(to.nodeId))) !== null);
    const epoch = from.leadership.epoch();
    const fence = from.leadership.fence();
    let none = 0;
    const watch = await from.any.watch(keys.leader, () => undefined);
    const fromMs = clock.nowMs();
    expect(await from.leadership.handOver(to.nodeId)).toBe(true);
    expect(from.leadership.isLeader()).toBe(false);
    expect(from.leadership.epoch()).toBe(0);
    await until('the target to lead', async () => {
      if ((await from.any.get(keys.leader)) === null) none += 1;
      return to.leadership.isLeader();
    });
    const tookMs = clock.nowMs() - fromMs;
    await watch.close();
    expect(none).toBe(0);
    expect(to.leadership.epoch()).toBe(epoch + 1);
    expect((await from.any.get(keys.leader))?.leaseId).toBe(to.heartbeat.lease()?.id);
    expect(Number((await from.any.get(keys.epoch))?.value)).toBe(epoch + 1);
    process.stderr.write(`handover seen by the target after ${tookMs} ms\n`);
    // P6: what the former leader still writes under its fence is refused.
    if (!fence) throw new Error('the leader had no fence');
    expect(await from.any.txn([fence], [{ put: '/claudecluster/update', value: 'late' }])).toBe(false);
    expect(await from.leadership.handOver(to.nodeId)).toBe(false);
  });

  it('is not handed to a node that is away or draining, and then stays', async () => {
    await start(0, 1);
    const from = leaderOf();
    const to = otherThan(from);
    expect(await from.leadership.handOver('n9')).toBe(false);
    to.status = 'draining';
    await to.heartbeat.touch();
    expect(await from.leadership.handOver(to.nodeId)).toBe(false);
    expect(from.leadership.isLeader()).toBe(true);
  });

  it('is not handed onto a lease that is gone, and then stays', async () => {
    await start(0);
    const from = leaderOf();
    const lease = await from.any.grantLease(2);
    const record = { ...JSON.parse((await from.any.get(keys.node('n1')))?.value ?? '{}'), nodeId: 'n3' };
    const value = JSON.stringify({ ...record, leaseId: lease.id });
    await from.any.put(keys.node('n3'), value, lease.id);
    await lease.revoke();
    await from.any.put(keys.node('n3'), value);
    const epoch = from.leadership.epoch();
    expect(await from.leadership.handOver('n3')).toBe(false);
    expect(from.leadership.isLeader()).toBe(true);
    expect(from.leadership.epoch()).toBe(epoch);
    await from.any.txn([], [{ remove: keys.node('n3') }]);
  });

  it('passes on within the lease when the leader dies, and at once when it resigns', async () => {
    await start(0, 1, 2);
    const dead = leaderOf();
    const epoch = dead.leadership.epoch();
    const fromMs = clock.nowMs();
    nodes = nodes.filter((node) => node !== dead);
    await dead.stop({ revoke: false });
    await until('another leader', () => nodes.some((node) => node.leadership.isLeader()));
    process.stderr.write(`leader dead (lease 2 s): the next one led after ${clock.nowMs() - fromMs} ms\n`);
    const second = leaderOf();
    expect(second.leadership.epoch()).toBe(epoch + 1);
    const lease = second.heartbeat.lease();
    await second.leadership.resign();
    expect(second.leadership.isLeader()).toBe(false);
    expect((await second.any.get(keys.leader))?.leaseId).not.toBe(lease?.id);
    await until('the third to lead', () => otherThan(second).leadership.isLeader());
  });

  it('ends locally before it can end at the server when the leader reaches no store', async () => {
    await start(0, 1);
    const cut = leaderOf();
    const other = otherThan(cut);
    const member = etcd.members[nodes[0] === cut ? 0 : 1];
    const pid = member?.member.state().pid ?? 0;
    let both = 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await until('the other one to lead', () => {
        if (cut.leadership.isLeader() && other.leadership.isLeader()) both += 1;
        return other.leadership.isLeader();
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(both).toBe(0);
    expect(cut.leadership.isLeader()).toBe(false);
    await until('the former leader to have a lease again', () => cut.heartbeat.lease() !== null);
  });

  it('an earlier run of the same node is no obstacle', async () => {
    // A lease that outlives the test: only the node's own name can open the way.
    await startAll([0], { leaseMs: 120_000 });
    const epoch = leaderOf().leadership.epoch();
    const [first] = nodes;
    await first?.stop({ revoke: false });
    await start(0);
    expect(leaderOf().leadership.epoch()).toBe(epoch + 1);
  });

  it('moves the Raft leader, and keeps it where the leadership is', async () => {
    await start(0, 1);
    const { raft } = leaderOf();
    for (const to of ['n3', 'n1', 'n1']) {
      await raft.moveRaftLeader(to);
      expect(await raft.raftLeader()).toBe(to);
    }
    await raft.moveRaftLeader('n3');
    const stop = keepRaftLeaderHere({
      raft,
      clock,
      logger: silent,
      nodeId: leaderOf().nodeId,
      mayMoveRaftLeader: () => true,
      everyMs: 100,
    });
    await until('the Raft leader to follow', async () => (await raft.raftLeader()) === leaderOf().nodeId);
    await stop();
    const peers = await raft.getPeers();
    expect(peers.map((peer) => [peer.nodeId, peer.kind, peer.healthy])).toEqual([
      ['n1', 'voter', true],
      ['n2', 'voter', true],
      ['n3', 'voter', true],
    ]);
    expect(peers.every((peer) => (peer.appliedIndex ?? 0) > 0)).toBe(true);
  });

  it('refuses to stop a second voter (P1)', async () => {
    await start(0);
    const { any: store, raft } = leaderOf();
    await expect(quorumCheck({ store, raft, clock }, 'n1')).resolves.toBeUndefined();
    await etcd.members[2]?.member.stop();
    // Silence is no leave to stop, and no answer either (ADR 15).
    await expect(quorumCheck({ store, raft, clock }, 'n1')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('no answer from n3: n1 does not stop'),
    });
    await etcd.members[2]?.startAgain();
    await expect(quorumCheck({ store, raft, clock }, 'n1')).resolves.toBeUndefined();
  });
});
