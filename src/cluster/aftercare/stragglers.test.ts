import { describe, expect, it } from 'vitest';
import { jumpingClock } from '../../../test/support/jumping-clock.ts';
import { keys } from '../../base/store-keys.ts';
import { ClusterError } from '../../errors.ts';
import type { NodeHealth, RollbackView } from '../../ports/agent.ts';
import type { Logger } from '../../ports/logger.ts';
import type { NodeInfo } from '../../ports/membership.ts';
import { createJournal } from '../journal/journal.ts';
import { memoryStore } from '../testing/memory-store.ts';
import type { UpdateRequest } from '../update/request.ts';
import { createStragglerWatch } from './stragglers.ts';

const left = 'a'.repeat(64);
const target = 'b'.repeat(64);
const heartbeatMs = 500;

const fall = (change: Partial<RollbackView> = {}): RollbackView => ({
  updateId: 'u-1',
  release: target,
  knownGood: left,
  cause: 'probation',
  why: 'three starts without becoming healthy',
  exitCode: 1,
  signal: null,
  logTail: ['boom'],
  at: '2026-01-01T00:00:00.000Z',
  ...change,
});

/** A cluster that went to `target`, with nodes left behind; `lastRollback` of each, null: it does not answer. */
function cluster(stragglers: Record<string, RollbackView | 'none' | null>) {
  const memory = memoryStore();
  const clock = jumpingClock();
  memory.put(keys.epoch, '1');
  memory.put(keys.release, JSON.stringify({ buildHash: target, previous: left, history: [left], at: '' }));
  const said: string[] = [];
  const logger = { debug: () => undefined, info: () => undefined } as unknown as Logger;
  logger.warn = (fields) => void said.push(`${(fields as { nodeId: string }).nodeId}`);
  const journal = createJournal(memory.store, clock, 'n1', logger);
  const nodes = Object.keys(stragglers).map(
    (nodeId) =>
      ({ nodeId, address: nodeId, status: 'active', trial: null, release: { buildHash: left } }) as unknown as NodeInfo,
  );
  const started: UpdateRequest[] = [];
  const watch = createStragglerWatch({
    journal,
    clock,
    logger,
    heartbeatMs,
    selfNodeId: 'n1',
    stragglers: 'update',
    membership: { getAllNodes: async () => nodes },
    raft: { leadership: async () => ({ leader: 'n1', epoch: 1 }) },
    clientPool: {
      closeConnection: () => undefined,
      getConnection: (address) =>
        ({
          healthCheck: async () => {
            const last = stragglers[address];
            if (last === null) throw new ClusterError('unavailable', `${address} does not answer`);
            return { lastRollback: last === 'none' ? null : last } as unknown as NodeHealth;
          },
        }) as never,
    },
    start: async (request) => void started.push(request),
  } as Parameters<typeof createStragglerWatch>[0]);
  const look = async (): Promise<void> => {
    await clock.sleep(2 * heartbeatMs);
    await watch.look();
  };
  return { memory, journal, look, started, said, stragglers };
}

describe('a node that fell back on probation', () => {
  it('has its build quarantined once; a lift stands as long as it remembers that fall, and it is brought up', async () => {
    const { journal, look, started } = cluster({ n2: fall() });
    await look();
    expect(await journal.quarantine(target)).toMatchObject({ by: 'u-1' });
    expect(started).toEqual([]);
    await journal.setQuarantine({ buildHash: target, lift: true });
    for (let round = 0; round < 4; round += 1) await look();
    expect(await journal.quarantine(target)).toBeNull();
    expect(started[0]).toMatchObject({ kind: 'straggler', options: { only: ['n2'] } });
  });

  it('has it quarantined again for a new fall, of another update or at another time', async () => {
    const world = cluster({ n2: fall() });
    for (const again of [fall({ at: '2026-01-02T00:00:00.000Z' }), fall({ updateId: 'u-2' })]) {
      await world.look();
      await world.journal.setQuarantine({ buildHash: target, lift: true });
      world.stragglers.n2 = again;
      await world.look();
      expect(await world.journal.quarantine(target)).toMatchObject({ by: again.updateId });
    }
  });

  it('does not overwrite what somebody else wrote of the build, and a lift of that stands, too', async () => {
    const { journal, look } = cluster({ n2: fall() });
    const entry = { buildHash: target, why: 'leaks', at: 'then', by: 'ann', evidence: null };
    await journal.setQuarantine(entry);
    await look();
    await look();
    expect(await journal.quarantine(target)).toEqual(entry);
    await journal.setQuarantine({ buildHash: target, lift: true });
    await look();
    expect(await journal.quarantine(target)).toBeNull();
  });

  it('writes nothing below a prefix that builds before it list and parse', async () => {
    const { memory, look } = cluster({ n2: fall() });
    const before = new Set(Object.keys(memory.held));
    await look();
    const fresh = Object.keys(memory.held).filter((key) => !before.has(key) && key !== keys.quarantined(target));
    for (const key of fresh) {
      for (const prefix of [keys.quarantine, keys.updates, keys.nodes, keys.members, keys.update, keys.leader]) {
        expect(key.startsWith(prefix)).toBe(false);
      }
    }
  });

  it('notes nothing in the name of a former leader (P6)', async () => {
    const { memory, journal, look } = cluster({ n2: fall() });
    memory.put(keys.epoch, '2');
    await expect(look()).rejects.toMatchObject({ code: 'stale-epoch' });
    expect(await journal.quarantine(target)).toBeNull();
  });
});

describe('stragglers', () => {
  it('one that cannot be looked at keeps none of the others waiting, and is named once', async () => {
    const { look, started, said } = cluster({ n2: null, n3: 'none' });
    await look();
    await look();
    expect(started.map((one) => one.options?.only)).toEqual([['n3'], ['n3']]);
    expect(said.filter((nodeId) => nodeId === 'n2')).toHaveLength(1);
  });
});
