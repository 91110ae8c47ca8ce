import { describe, expect, it } from 'vitest';
import { record as aRecord } from '../../test/scenarios/a-record.ts';
import { keys } from '../base/store-keys.ts';
import type { RaftPeer } from '../ports/raft.ts';
import type { KeyValue, Store } from '../ports/store.ts';
import { type QuorumQuestion, quorumCheck } from './quorum-check.ts';

const peer = (nodeId: string, healthy = true, kind: RaftPeer['kind'] = 'voter'): RaftPeer => ({
  nodeId,
  memberId: nodeId,
  kind,
  healthy,
  appliedIndex: 1,
  isRaftLeader: false,
  reason: healthy ? '' : 'does not answer',
});

/** A store and a group; each read of the store takes `readMs` of the clock, and `onRead` may change the world. */
function world(
  peers: RaftPeer[],
  change: { readMs?: number[]; held?: Record<string, string>; onRead?: () => void; stuck?: boolean } = {},
) {
  const { readMs = [], held = {}, onRead, stuck = false } = change;
  const moved: string[] = [];
  let nowMs = 0;
  let looks = 0;
  const get = async (key: string): Promise<KeyValue | null> => {
    onRead?.();
    nowMs += readMs.shift() ?? 1;
    const value = held[key];
    return value === undefined ? null : { key, value, modRevision: 1, leaseId: '' };
  };
  const raft = {
    getPeers: async () => {
      looks += 1;
      return [...peers];
    },
    moveRaftLeader: async (to: string) => {
      moved.push(to);
      peers.splice(0, peers.length, ...peers.map((one) => ({ ...one, isRaftLeader: !stuck && one.nodeId === to })));
      if (stuck) peers.splice(0, 1, { ...(peers[0] as RaftPeer), isRaftLeader: true });
    },
  };
  const store = { get } as unknown as Store;
  const ask = (nodeId: string, asked?: QuorumQuestion) =>
    quorumCheck({ store, raft, clock: { nowMs: () => nowMs } }, nodeId, asked);
  return { ask, looks: () => looks, moved };
}

const three = ['n1', 'n2', 'n3'].map((id) => peer(id));

describe('may a voter stop? (P1)', () => {
  it('yes, when the others are a quorum of the full membership', async () => {
    await expect(world(three).ask('n1')).resolves.toBeUndefined();
  });

  it('no, with what was seen and wanted, when one of the others is ill', async () => {
    const { ask } = world([peer('n1'), peer('n2'), peer('n3', false)]);
    await expect(ask('n1')).rejects.toMatchObject({
      code: 'quorum-unsafe',
      detail: { nodeId: 'n1', seen: expect.stringContaining('1 of 2 other voters healthy (n3'), wanted: '2' },
    });
    await expect(ask('n1', { acceptDowntime: true })).resolves.toBeUndefined();
  });

  it('no, in a group of one or two', async () => {
    for (const many of [1, 2]) {
      await expect(world(three.slice(0, many)).ask('n1')).rejects.toMatchObject({ code: 'quorum-unsafe' });
    }
  });

  it('a learner does not count, and a worker may always stop', async () => {
    const learner = world([...three.slice(0, 2), peer('n3', true, 'learner')]);
    await expect(learner.ask('n1')).rejects.toMatchObject({ code: 'quorum-unsafe' });
    const four = world([...three, peer('n4', false)]);
    await expect(four.ask('w1')).resolves.toBeUndefined();
    await expect(four.ask('n1')).rejects.toMatchObject({ detail: { wanted: '3' } });
  });

  it('looks again when the store took its time, for the answers are old by then (simulation seed 316299)', async () => {
    const peers = [...three];
    const slow = world(peers, { readMs: [2_000], onRead: () => peers.splice(2, 1, peer('n3', false)) });
    await expect(slow.ask('n1')).rejects.toMatchObject({ code: 'quorum-unsafe' });
    const better = world(three, { readMs: [400, 400] });
    await expect(better.ask('n1')).resolves.toBeUndefined();
    expect(better.looks()).toBe(2);
  });

  it('does not stop on the word of a store that is always slow', async () => {
    const slow = world(three, { readMs: Array.from({ length: 9 }, () => 900) });
    await expect(slow.ask('n1')).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('moves the Raft leader away first, for its followers may not reach each other (simulation seed 1116418)', async () => {
    const led = () =>
      three.map((one) => ({ ...one, isRaftLeader: one.nodeId === 'n1', appliedIndex: one.nodeId === 'n3' ? 9 : 8 }));
    const first = world(led());
    await expect(first.ask('n1')).resolves.toBeUndefined();
    expect([first.moved, first.looks()]).toEqual([['n3'], 2]);
    await expect(world(led(), { stuck: true }).ask('n1')).rejects.toMatchObject({ code: 'unavailable' });
    const other = world(led());
    await expect(other.ask('n2')).resolves.toBeUndefined();
    expect(other.moved).toEqual([]);
  });

  it('a former leader is refused by the epoch in the store (P6)', async () => {
    const { ask } = world(three, { held: { [keys.epoch]: '8' } });
    await expect(ask('n1', { epoch: 7 })).rejects.toMatchObject({ code: 'stale-epoch' });
    await expect(ask('n1', { epoch: 8 })).resolves.toBeUndefined();
  });

  it('only the node that the update holds may stop, and none when it has ended (simulation seed 1208)', async () => {
    const record = (reservation: string | null): string => JSON.stringify(aRecord({}, { id: 'u-1', reservation }));
    const during = (reservation: string | null) => world(three, { held: { [keys.update]: record(reservation) } });
    const asked = { updateId: 'u-1', epoch: 1 };
    await expect(during('n1').ask('n1', asked)).resolves.toBeUndefined();
    await expect(during('n2').ask('n1', asked)).rejects.toMatchObject({ code: 'quorum-unsafe' });
    await expect(during(null).ask('n1', asked)).rejects.toMatchObject({ code: 'quorum-unsafe' });
    const over = world(three, { held: { [keys.updateRecord('u-1')]: record(null) } });
    await expect(over.ask('n1', asked)).rejects.toMatchObject({ detail: { seen: 'the update has ended' } });
  });

  it('a command of another update than the running one is refused on every node (simulation seed 2155804)', async () => {
    const running = { [keys.update]: JSON.stringify(aRecord({}, { id: 'u-2', reservation: 'n1' })) };
    const during = world([...three, peer('n4')], { held: running });
    for (const nodeId of ['n1', 'n2', 'w1']) {
      for (const updateId of ['u-1', 'by-hand']) {
        await expect(during.ask(nodeId, { updateId })).rejects.toMatchObject({
          code: 'quorum-unsafe',
          detail: { nodeId, seen: 'update u-2 is running', wanted: `update ${updateId}, or none` },
        });
      }
    }
    await expect(during.ask('w1', { updateId: 'u-2' })).resolves.toBeUndefined();
    const ended = world(three, { held: { [keys.updateRecord('u-1')]: JSON.stringify(aRecord({}, { id: 'u-1' })) } });
    await expect(ended.ask('w1', { updateId: 'u-1' })).rejects.toMatchObject({
      detail: { seen: 'the update has ended' },
    });
    await expect(ended.ask('n1', { updateId: 'by-hand' })).resolves.toBeUndefined();
  });
});
