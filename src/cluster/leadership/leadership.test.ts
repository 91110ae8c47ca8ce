import { afterEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../adapters/system-clock.ts';
import { keys } from '../../base/store-keys.ts';
import { ClusterError } from '../../errors.ts';
import type { Logger } from '../../ports/logger.ts';
import type { KeyValue, Lease, Store } from '../../ports/store.ts';
import { createLeadership, type LeadershipHandle } from './leadership.ts';

const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined } as unknown as Logger;

/** A store in memory; `answer` decides what becomes of a transaction. */
function memoryStore() {
  const held = new Map<string, KeyValue>();
  let revision = 0;
  const put = (key: string, value: string, leaseId = ''): void => {
    revision += 1;
    held.set(key, { key, value, leaseId, modRevision: revision });
  };
  const fault: { answer: 'given' | 'lost' | 'never sent' } = { answer: 'given' };
  const unavailable = (): ClusterError => new ClusterError('unavailable', 'no answer');
  const store = {
    get: async (key: string) => held.get(key) ?? null,
    watch: async () => ({ close: async () => undefined }),
    txn: async (...[compares, then]: Parameters<Store['txn']>) => {
      if (fault.answer === 'never sent') {
        fault.answer = 'given';
        throw unavailable();
      }
      const holds = compares.every(({ key, modRevision }) => (held.get(key)?.modRevision ?? 0) === modRevision);
      for (const op of holds ? then : []) {
        if ('put' in op) put(op.put, op.value, op.leaseId);
        else held.delete(op.remove);
      }
      if (fault.answer === 'lost') {
        fault.answer = 'given';
        throw unavailable();
      }
      return holds;
    },
  } as unknown as Store;
  return { store, put, held, fault };
}

describe('leadership', () => {
  let handle: LeadershipHandle | undefined;
  afterEach(() => handle?.stop());

  async function lead(mayCampaign = () => true) {
    const memory = memoryStore();
    const state = { alive: true };
    const lease: Lease = {
      id: 'a1',
      lost: new AbortController().signal,
      alive: () => state.alive,
      revoke: async () => undefined,
    };
    const target = { nodeId: 'n2', address: 'n2:1', role: 'voter', status: 'active', incarnation: 'i', seq: 1 };
    const rest = { release: null, protocol: { min: 1, max: 1 }, leaseId: 'b2', heartbeatMs: 1_000 };
    memory.put(keys.node('n2'), JSON.stringify({ ...target, ...rest }), 'b2');
    const leadership = createLeadership({
      store: memory.store,
      clock,
      logger,
      nodeId: 'n1',
      lease: () => (state.alive ? lease : null),
      onLease: () => () => undefined,
      mayCampaign,
      pollMs: 10,
    });
    handle = leadership;
    leadership.start();
    if (mayCampaign()) await expect.poll(() => leadership.isLeader()).toBe(true);
    return { ...memory, state, leadership };
  }

  it('ends at the very moment when the lease cannot be relied on, without any event (P6)', async () => {
    const { leadership, state } = await lead();
    expect(leadership.epoch()).toBe(1);
    state.alive = false; // A process that was frozen wakes up: no timer has fired yet.
    expect(leadership.isLeader()).toBe(false);
    expect(leadership.epoch()).toBe(0);
    expect(leadership.fence()).toBeNull();
    expect(leadership.view()).toMatchObject({ leader: null, isLeader: false });
    expect(await leadership.handOver('n2')).toBe(false);
  });

  it('is not taken by a node that may not campaign', async () => {
    const { leadership, held } = await lead(() => false);
    await clock.sleep(50);
    expect(leadership.isLeader()).toBe(false);
    expect(held.has(keys.leader)).toBe(false);
  });

  it('knows that a handover came when its answer was lost', async () => {
    const { leadership, fault } = await lead();
    fault.answer = 'lost';
    expect(await leadership.handOver('n2')).toBe(true);
    expect(leadership.isLeader()).toBe(false);
    expect(await leadership.leadership()).toEqual({ leader: 'n2', epoch: 2 });
  });

  it('goes on leading when a handover did not come, and makes sure that it cannot come later', async () => {
    const { leadership, fault, held } = await lead();
    const before = held.get(keys.leader)?.modRevision;
    fault.answer = 'never sent';
    expect(await leadership.handOver('n2')).toBe(false);
    expect(leadership.isLeader()).toBe(true);
    expect(leadership.epoch()).toBe(1);
    expect(held.get(keys.leader)?.modRevision).not.toBe(before);
  });

  it('that was stepped down from is not taken up again by reading the key that is still there, which is given back later', async () => {
    const may = { campaign: true };
    const { leadership, fault, held } = await lead(() => may.campaign);
    may.campaign = false;
    fault.answer = 'never sent';
    const told: boolean[] = [];
    leadership.onChange(({ isLeader }) => told.push(isLeader));
    await leadership.stepDown();
    await expect.poll(() => held.has(keys.leader)).toBe(false);
    expect(told).not.toContain(true);
    may.campaign = true;
    await expect.poll(() => leadership.isLeader()).toBe(true);
    expect(leadership.epoch()).toBe(2);
  });

  it('never takes an epoch that was there before, also when the epoch key is behind', async () => {
    const { leadership, put, held } = await lead(() => true);
    put(keys.leader, JSON.stringify({ node: 'n3', epoch: 41 }), 'c3');
    await expect.poll(() => leadership.view().leader).toBe('n3');
    held.delete(keys.leader);
    put(keys.epoch, '41');
    await expect.poll(() => leadership.isLeader()).toBe(true);
    expect(leadership.epoch()).toBe(42);
  });
});
