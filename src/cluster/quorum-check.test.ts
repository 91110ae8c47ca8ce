import { describe, expect, it } from 'vitest';
import { record as aRecord } from '../../test/scenarios/a-record.ts';
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { RaftPeer } from '../ports/raft.ts';
import { parseByHand } from './by-hand.ts';
import { type QuorumQuestion, quorumCheck } from './quorum-check.ts';
import { memoryStore } from './testing/memory-store.ts';

/** `false`: it answered, and it is not well. */
const peer = (nodeId: string, healthy = true, kind: RaftPeer['kind'] = 'voter'): RaftPeer => ({
  nodeId,
  memberId: nodeId,
  kind,
  healthy,
  appliedIndex: 1,
  isRaftLeader: false,
  reason: healthy ? '' : 'it sees no Raft leader',
});

const silent = (nodeId: string): RaftPeer => ({
  ...peer(nodeId, false),
  appliedIndex: null,
  reason: 'no answer within 1000 ms',
});

/**
 * A store and a group; each read of the store takes `readMs` of the clock, each look `lookMs`, and `onRead` and `onLook` may
 * change the world. Null from `onRead`: the store does not answer.
 */
function world(
  peers: RaftPeer[],
  change: {
    readMs?: number[];
    lookMs?: number;
    held?: Record<string, string>;
    onRead?: () => unknown;
    onLook?: (look: number) => void;
    stuck?: boolean;
  } = {},
) {
  const { readMs = [], lookMs = 5, onRead, onLook, stuck = false } = change;
  const moved: string[] = [];
  let nowMs = 0;
  let looks = 0;
  const { store, held } = memoryStore(change.held, (call) => {
    if (call === 'get' && onRead?.() === null) throw new ClusterError('unavailable', 'the store does not answer');
    nowMs += (call === 'get' ? readMs.shift() : undefined) ?? 1;
  });
  const raft = {
    getPeers: async () => {
      looks += 1;
      nowMs += lookMs;
      onLook?.(looks);
      return [...peers];
    },
    moveRaftLeader: async (to: string) => {
      moved.push(to);
      peers.splice(0, peers.length, ...peers.map((one) => ({ ...one, isRaftLeader: !stuck && one.nodeId === to })));
      if (stuck) peers.splice(0, 1, { ...(peers[0] as RaftPeer), isRaftLeader: true });
    },
  };
  const clock = {
    nowMs: () => nowMs,
    wallIso: () => '2026-01-01T00:00:00.000Z',
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const ask = (nodeId: string, asked?: QuorumQuestion) => quorumCheck({ store, raft, clock }, nodeId, asked);
  return { ask, looks: () => looks, moved, held, now: clock.nowMs };
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
  });

  it('no, in a group of one or two, unless an operator accepts the downtime: there is no quorum to keep', async () => {
    for (const many of [1, 2]) {
      const { ask } = world(three.slice(0, many));
      await expect(ask('n1')).rejects.toMatchObject({ code: 'quorum-unsafe' });
      await expect(ask('n1', { acceptDowntime: true })).resolves.toBeUndefined();
    }
  });

  it('no, in a larger group, whatever downtime was accepted: that word is for groups of one or two', async () => {
    const { ask } = world([peer('n1'), peer('n2'), peer('n3', false)]);
    await expect(ask('n1', { acceptDowntime: true })).rejects.toMatchObject({ code: 'quorum-unsafe' });
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
    const better = world(three, { readMs: [400, 400, 400] });
    await expect(better.ask('n1')).resolves.toBeUndefined();
    expect(better.looks()).toBe(2);
  });

  it('does not stop on the word of a store that is always slow', async () => {
    const slow = world(three, { readMs: Array.from({ length: 90 }, () => 900) });
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

describe('a question that nobody answers (P1)', () => {
  it('is asked again, and the node stops when the answer is yes', async () => {
    const peers = [peer('n1'), silent('n2'), silent('n3')];
    const busy = world(peers, {
      lookMs: 1_000,
      onLook: (look) => {
        if (look === 3) peers.splice(0, 3, ...three);
      },
    });
    await expect(busy.ask('n1')).resolves.toBeUndefined();
    expect(busy.looks()).toBe(3);
  });

  it('is no leave to stop: who is silent to the end counts as not healthy, and the answer is not "no" but "ask again"', async () => {
    const cut = world([peer('n1'), peer('n2'), silent('n3')], { lookMs: 1_000 });
    await expect(cut.ask('n1')).rejects.toMatchObject({
      code: 'unavailable',
      message: 'no answer from n3: n1 does not stop without it',
      detail: { seen: '1 of 2 other voters healthy (n3: no answer within 1000 ms)', wanted: '2' },
    });
    expect(cut.now()).toBeGreaterThanOrEqual(10_000);
    expect(cut.now()).toBeLessThan(13_000);
  });

  it('is answered by a no as soon as somebody says so', async () => {
    const ill = world([peer('n1'), peer('n2', false), silent('n3')], { lookMs: 1_000 });
    await expect(ill.ask('n1')).rejects.toMatchObject({ code: 'quorum-unsafe' });
    expect(ill.looks()).toBe(1);
  });

  it('waits for those only on whom it hangs', async () => {
    const five = ['n1', 'n2', 'n3'].map((id) => peer(id));
    const enough = world([...five, peer('n4'), silent('n5')]);
    await expect(enough.ask('n1')).resolves.toBeUndefined();
    const open = world([...five, peer('n4', false), silent('n5')], { lookMs: 1_000 });
    await expect(open.ask('n1')).rejects.toMatchObject({ code: 'unavailable' });
    const over = world([peer('n1'), peer('n2'), peer('n3', false), peer('n4', false), silent('n5')]);
    await expect(over.ask('n1')).rejects.toMatchObject({ code: 'quorum-unsafe' });
  });

  it('of the store is asked again, too', async () => {
    let asked = 0;
    const hiccup = world(three, {
      onRead: () => {
        asked += 1;
        return asked < 8 ? null : undefined;
      },
    });
    await expect(hiccup.ask('n1')).resolves.toBeUndefined();
    await expect(world(three, { onRead: () => null }).ask('n1')).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('out of service by hand (P1, ADR 14)', () => {
  const hand = { updateId: 'by-hand-1', epoch: 1 };
  const holder = (held: Record<string, string>) =>
    held[keys.byHand] === undefined ? null : parseByHand(held[keys.byHand] ?? '');

  it('one voter is, and the next one is refused with who has the place and how it ends', async () => {
    const { ask, held } = world(three);
    await ask('n1', hand);
    expect(holder(held)).toEqual({ v: 1, nodeId: 'n1', updateId: 'by-hand-1', at: '2026-01-01T00:00:00.000Z' });
    await expect(ask('n2', { updateId: 'by-hand-2' })).rejects.toMatchObject({
      code: 'quorum-unsafe',
      detail: {
        seen: 'n1 holds it for by-hand-1 since 2026-01-01T00:00:00.000Z',
        next: expect.stringContaining('claudecluster node release-hold n1'),
      },
    });
    expect(holder(held)?.nodeId).toBe('n1');
    await expect(ask('n1', { updateId: 'by-hand-3' })).resolves.toBeUndefined();
    expect(holder(held)?.updateId).toBe('by-hand-3');
  });

  it('of two at the same moment one is refused', async () => {
    const { ask, held } = world(three);
    const both = await Promise.allSettled([ask('n1', hand), ask('n2', { updateId: 'by-hand-2' })]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(holder(held)?.nodeId).toBe(both[0].status === 'fulfilled' ? 'n1' : 'n2');
  });

  it('a node that may not stop gives the place back at once', async () => {
    const { ask, held } = world([peer('n1'), peer('n2'), peer('n3', false)]);
    await expect(ask('n1', hand)).rejects.toMatchObject({ code: 'quorum-unsafe' });
    expect(holder(held)).toBeNull();
  });

  it('a worker takes no place, and a command of the running update none either', async () => {
    const worker = world(three);
    await worker.ask('w1', hand);
    expect(holder(worker.held)).toBeNull();
    const record = JSON.stringify(aRecord({}, { id: 'u-1', reservation: 'n1' }));
    const during = world(three, { held: { [keys.update]: record } });
    await during.ask('n1', { updateId: 'u-1', epoch: 1 });
    expect(holder(during.held)).toBeNull();
  });

  it('the update of a leader that does not know of it does not stop a second voter', async () => {
    const record = JSON.stringify(aRecord({}, { id: 'u-1', reservation: 'n2' }));
    const byHand = JSON.stringify({ v: 1, nodeId: 'n1', updateId: 'by-hand-1', at: 'then' });
    const { ask } = world(three, { held: { [keys.update]: record, [keys.byHand]: byHand } });
    await expect(ask('n2', { updateId: 'u-1', epoch: 1 })).rejects.toMatchObject({
      code: 'quorum-unsafe',
      message: 'n1 is out of service by hand',
    });
  });

  it('a value that nobody understands holds the place', async () => {
    for (const text of ['', '{}', 'null', '{"nodeId":7}']) {
      const { ask } = world(three, { held: { [keys.byHand]: text } });
      await expect(ask('n1', hand), text).rejects.toMatchObject({ code: 'quorum-unsafe' });
    }
  });
});
