import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEtcdMaintenance } from '../../src/adapters/etcd/maintenance.ts';
import { createEtcdStore } from '../../src/adapters/etcd/store.ts';
import { systemClock as clock } from '../../src/adapters/system-clock.ts';
import { createRaft } from '../../src/cluster/raft.ts';
import { startTestEtcd, type TestEtcd, until } from './support/etcd.ts';

/** Writes numbered keys one after the other through `endpoints` until told to stop. */
function startWriter(etcd: TestEtcd, endpoints: string[]) {
  const store = createEtcdStore({ endpoints, tls: etcd.tls, clock, hedgeMs: 15, requestTimeoutMs: 15_000 });
  const acknowledged: string[] = [];
  const run = `/gap/${clock.randomId(4)}/`;
  let stop = false;
  let lastMs = clock.nowMs();
  let gapMs = 0;
  const running = (async () => {
    for (let number = 0; !stop; number += 1) {
      const key = `${run}${number}`;
      if (!(await store.txn([{ key, modRevision: 0 }], [{ put: key, value: run }]))) throw new Error(`${key} refused`);
      acknowledged.push(key);
      const nowMs = clock.nowMs();
      gapMs = Math.max(gapMs, nowMs - lastMs);
      lastMs = nowMs;
    }
  })();
  return {
    count: () => acknowledged.length,
    async end() {
      stop = true;
      await running;
      const held = new Set((await store.list(run, { keysOnly: true })).map((kv) => kv.key));
      await store.close();
      return { gapMs, acknowledged: acknowledged.length, lost: acknowledged.filter((key) => !held.has(key)) };
    },
  };
}

describe('writes while a voter is taken out of three', { timeout: 60_000 }, () => {
  let etcd: TestEtcd;
  beforeAll(async () => {
    etcd = await startTestEtcd(3);
  }, 40_000);
  afterAll(() => etcd?.stop());

  it('go on when the Raft leader moves first, and none that was acknowledged is lost', async () => {
    const admin = createEtcdMaintenance({ endpoints: etcd.endpoints, tls: etcd.tls, clock });
    const leadership = {
      isLeader: () => true,
      leadership: async () => ({ leader: null, epoch: 0 }),
      handOver: async () => false,
    };
    const raft = createRaft({ admin, leadership, clock });
    const gaps: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      await raft.moveRaftLeader('n1');
      // Through a follower all the time: the one whose forwarded writes are dropped in a move.
      const writer = startWriter(etcd, etcd.endpoints.slice(1).reverse());
      await until('writes', () => writer.count() > 20);
      await raft.moveRaftLeader('n2');
      await etcd.members[0]?.member.stop();
      await etcd.members[0]?.startAgain();
      const before = writer.count();
      await until('more writes', () => writer.count() > before + 20);
      const result = await writer.end();
      expect(result.lost).toEqual([]);
      gaps.push(result.gapMs);
    }
    process.stderr.write(`longest write gap of each round: ${gaps.join(', ')} ms\n`);
    // Without the copies a round takes the whole request timeout of 15 s. How long it takes is the benchmark's to say.
    expect(Math.max(...gaps)).toBeLessThan(10_000);
    await admin.close();
  });
});
