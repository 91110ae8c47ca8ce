import { describe, expect, it } from 'vitest';
import { systemClock } from '../adapters/system-clock.ts';
import { keys } from '../base/store-keys.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { KeyValue, Store } from '../ports/store.ts';
import { createMembership } from './membership.ts';
import type { MemberRecord, NodeRecord } from './records.ts';

const record = (nodeId: string, change: Partial<NodeRecord> = {}): NodeRecord => ({
  nodeId,
  address: `${nodeId}:1`,
  role: 'voter',
  status: 'active',
  incarnation: 'i1',
  seq: 1,
  release: null,
  trial: null,
  protocol: { min: 1, max: 1 },
  leaseId: 'a',
  heartbeatMs: 1_000,
  leaseMs: 6_000,
  memberId: null,
  ...change,
});
const member = (nodeId: string, change: Partial<MemberRecord> = {}): MemberRecord => ({
  nodeId,
  address: `${nodeId}:1`,
  role: 'voter',
  approved: true,
  protocol: { min: 1, max: 1 },
  release: null,
  ...change,
});

function setup() {
  const held = new Map<string, string>();
  let nowMs = 1_000;
  const warned: object[] = [];
  const logger = { debug: () => undefined, info: () => undefined, warn: (fields: object) => warned.push(fields) };
  const store = {
    list: async (prefix: string): Promise<KeyValue[]> =>
      [...held]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => ({ key, value, modRevision: 1, leaseId: '' })),
  } as unknown as Store;
  const clock: Clock = { ...systemClock, nowMs: () => nowMs };
  const membership = createMembership({ store, clock, logger: logger as unknown as Logger, heartbeatMs: 1_000 });
  return {
    membership,
    warned,
    put: (key: string, value: object | string) =>
      held.set(key, typeof value === 'string' ? value : JSON.stringify(value)),
    remove: (key: string) => held.delete(key),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('membership', () => {
  it('counts freshness from the last new heartbeat by its own clock', async () => {
    const { membership, put, pass } = setup();
    put(keys.member('n1'), member('n1'));
    put(keys.node('n1'), record('n1'));
    await membership.getAllNodes();
    pass(700);
    expect((await membership.getAllNodes())[0]).toMatchObject({ lastSeenMsAgo: 700, status: 'active' });
    put(keys.node('n1'), record('n1', { seq: 2 }));
    expect((await membership.getAllNodes())[0]).toMatchObject({ lastSeenMsAgo: 0, heartbeatSeq: 2 });
    pass(500);
    put(keys.node('n1'), record('n1', { seq: 2, incarnation: 'i2' }));
    expect((await membership.getAllNodes())[0]).toMatchObject({ lastSeenMsAgo: 0, incarnation: 'i2' });
  });

  it('has a node without a live record offline, with what is known of it', async () => {
    const { membership, put, remove, pass } = setup();
    put(keys.member('n1'), member('n1'));
    put(keys.node('n1'), record('n1'));
    await membership.getAllNodes();
    remove(keys.node('n1'));
    pass(50);
    expect(await membership.getAllNodes()).toMatchObject([
      { nodeId: 'n1', status: 'offline', incarnation: '', address: 'n1:1', lastSeenMsAgo: 50 },
    ]);
  });

  it('has a node offline whose record stands still though its lease lives', async () => {
    const { membership, put, pass } = setup();
    put(keys.member('n1'), member('n1'));
    put(keys.node('n1'), record('n1'));
    await membership.getAllNodes();
    pass(6_001);
    expect((await membership.getAllNodes())[0]).toMatchObject({ status: 'offline' });
  });

  it('shows draining, and a newcomer nobody approved as pending', async () => {
    const { membership, put } = setup();
    put(keys.member('n1'), member('n1'));
    put(keys.node('n1'), record('n1', { status: 'draining' }));
    put(keys.member('n2'), member('n2', { approved: false }));
    put(keys.node('n2'), record('n2'));
    put(keys.node('n3'), record('n3'));
    expect((await membership.getAllNodes()).map((node) => node.status)).toEqual([
      'draining',
      'pending_approval',
      'pending_approval',
    ]);
  });

  it('keeps a node with a damaged record in sight as offline, and complains once', async () => {
    const { membership, put, warned } = setup();
    put(keys.member('n1'), '{"half":');
    put(keys.node('n1'), record('n1'));
    put(keys.member('n2'), member('n2'));
    put(keys.node('n2'), '[]');
    put(keys.member('n3'), '{"nodeId":"n1"}');
    for (let round = 0; round < 3; round += 1) {
      expect((await membership.getAllNodes()).map((node) => [node.nodeId, node.status])).toEqual([
        ['n1', 'active'],
        ['n2', 'offline'],
        ['n3', 'offline'],
      ]);
    }
    expect(warned).toHaveLength(3);
  });

  it('reads records of newer builds: unknown fields are no problem', async () => {
    const { membership, put } = setup();
    put(keys.member('n1'), { ...member('n1'), zone: 'b' });
    put(keys.node('n1'), { ...record('n1'), load: 0.5 });
    expect((await membership.getAllNodes())[0]).toMatchObject({ status: 'active' });
  });

  it('sees a node whose record has words of a newer build: in no service that is known, and as careful as a voter (P11)', async () => {
    const { membership, put, warned } = setup();
    const newer = { ...record('n1'), role: 'witness', status: 'warming-up', mood: 'good' };
    put(keys.member('n1'), { ...member('n1'), role: 'witness' });
    put(keys.node('n1'), newer);
    expect(await membership.getAllNodes()).toMatchObject([{ nodeId: 'n1', role: 'voter', status: 'warming-up' }]);
    expect(warned).toEqual([]);
  });
});
