import { describe, expect, it } from 'vitest';
import { record as aRecord } from '../../test/scenarios/a-record.ts';
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { parseByHand, readByHand, reserveByHand } from './by-hand.ts';
import { createJournal } from './journal/journal.ts';
import { memoryStore } from './testing/memory-store.ts';

const clock = { nowMs: () => 0, wallIso: () => '2026-01-01T00:00:00.000Z', randomId: () => '' } as unknown as Clock;
const logger = { warn: () => undefined } as unknown as Logger;
const place = JSON.stringify({ v: 1, nodeId: 'n2', updateId: 'by-hand-1', at: 'then' });
const began = JSON.stringify(aRecord({}, { id: 'u-1' }));

describe('out of service by hand, or by an update: never both (P1)', () => {
  it('no update begins while a voter is out by hand, whatever preflight saw before', async () => {
    const { store, held } = memoryStore({ [keys.epoch]: '1', [keys.byHand]: place });
    await expect(
      createJournal(store, clock, 'n1', logger).create(aRecord({}, { id: 'u-1' }), 'go'),
    ).rejects.toMatchObject({
      code: 'quorum-unsafe',
      message: 'n2 is out of service by hand',
      detail: { seen: 'n2 holds it for by-hand-1 since then', next: expect.stringContaining('release-hold n2') },
    });
    expect(held[keys.update]).toBeUndefined();
  });

  it('an update that runs already is named before that', async () => {
    const { store } = memoryStore({ [keys.epoch]: '1', [keys.byHand]: place, [keys.update]: began });
    const journal = createJournal(store, clock, 'n1', logger);
    await expect(journal.create(aRecord({}, { id: 'u-2' }), 'go')).rejects.toMatchObject({ code: 'update-running' });
  });

  it('nobody takes the place when an update has begun since the look', async () => {
    const { store, held } = memoryStore({ [keys.update]: began });
    await expect(reserveByHand({ store, clock }, 'n1', 'by-hand-1')).rejects.toMatchObject({ code: 'unavailable' });
    expect(held[keys.byHand]).toBeUndefined();
  });

  it('whose write was applied and never answered finds that it has the place', async () => {
    const { store, held } = memoryStore();
    const deaf = {
      ...store,
      txn: async (...args: Parameters<typeof store.txn>) => {
        await store.txn(...args);
        throw new ClusterError('unavailable', 'the store does not answer');
      },
    };
    await expect(reserveByHand({ store: deaf, clock }, 'n1', 'by-hand-1')).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(await reserveByHand({ store, clock }, 'n1', 'by-hand-1')).toBe(false);
    expect(parseByHand(held[keys.byHand] ?? '')).toMatchObject({ nodeId: 'n1', updateId: 'by-hand-1' });
  });

  it('is nowhere that a build which does not know of it looks', async () => {
    const { store } = memoryStore({ [keys.byHand]: place, [keys.epoch]: '1' });
    for (const prefix of [keys.nodes, keys.members, keys.update, keys.updates, keys.quarantine, keys.events('u-1')]) {
      expect(await store.list(prefix), prefix).toEqual([]);
    }
    expect(await readByHand(store)).toMatchObject({ nodeId: 'n2' });
  });
});
