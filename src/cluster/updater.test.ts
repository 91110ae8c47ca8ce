import { afterEach, describe, expect, it } from 'vitest';
import { record as aRecord, observation } from '../../test/scenarios/a-record.ts';
import { jumpingClock } from '../../test/support/jumping-clock.ts';
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import type { NodeInfo } from '../ports/membership.ts';
import { createJournal, type Journal } from './journal/journal.ts';
import { memoryStore } from './testing/memory-store.ts';
import { RollingUpdater } from './updater.ts';

const stopping: AbortController[] = [];
afterEach(() => {
  for (const one of stopping.splice(0)) one.abort();
});

/** A leader of three nodes that are well, and that answer nothing to a verb until the test says so. */
function leader() {
  const reads = { ofRecord: 0 };
  const memory = memoryStore({}, (call, key) => {
    if (call === 'get' && key === keys.update) reads.ofRecord += 1;
  });
  const clock = jumpingClock();
  memory.put(keys.epoch, '1');
  const logged: { level: string; text: string; code: string }[] = [];
  const keep = (level: string) => (fields: object, text: string) => {
    logged.push({ level, text, code: (fields as { err?: { code: string } }).err?.code ?? '' });
  };
  const logger = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') } as Logger;
  const journal = createJournal(memory.store, clock, 'n1', logger);
  const world = {
    /** Stands between the updater and its journal. */
    change: (async (...given) => journal.change(...given)) as Journal['change'],
    looks: 0,
  };
  const seen = observation();
  const nodes = seen.nodes.map(
    (node) => ({ ...node, lastSeen: 0, incarnation: node.health?.incarnation, heartbeatSeq: 1 }) as unknown as NodeInfo,
  );
  const updater = new RollingUpdater({
    membership: { getAllNodes: async () => nodes },
    raft: {
      getPeers: async () => {
        world.looks += 1;
        return seen.peers;
      },
      term: async () => 1,
      isLeader: () => true,
      leadership: async () => ({ leader: 'n1', epoch: 1 }),
      moveRaftLeader: async () => undefined,
      handOver: async () => false,
    },
    clientPool: {
      closeConnection: () => undefined,
      getConnection: (address) => ({
        healthCheck: async () => {
          const found = seen.nodes.find((node) => node.address === address)?.health;
          if (found == null) throw new ClusterError('unavailable', 'no answer');
          return found;
        },
        drain: async () => ({ runningTasks: 0 }),
        executeTask: async () => {
          throw new ClusterError('unavailable', 'no answer');
        },
      }),
    },
    logger,
    selfNodeId: 'n1',
    journal: { ...journal, change: (...given) => world.change(...given) },
    releases: { inspect: async () => ({ invalid: 'none', next: 'none' }) },
    clock,
    service: 'claudecluster',
    heartbeatMs: 1_000,
    stragglers: 'leave',
  });
  const stop = new AbortController();
  stopping.push(stop);
  const lead = (): void => void updater.lead(stop.signal);
  return { memory, reads, journal, updater, world, seen, clock, logged, lead, stop };
}

/** Waits for turns of the event loop, and no longer than many of them. */
async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let turn = 0; turn < 20_000; turn += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`in vain: ${what}`);
}

describe('a fault of ours in the middle of an update', () => {
  it('an illegal move of a node ends the update: exit code 5, with what to do and who was in flight', async () => {
    const { journal, world, lead, logged } = leader();
    const record = await journal.create(aRecord({ n2: 'trial', n3: 'staged', n1: 'staged' }), 'an update');
    world.change = (id, epoch, change) =>
      journal.change(id, epoch, (now) => {
        const next = change(now);
        if (next.record.state === 'running') throw new Error('illegal move of n2: trial -> staged');
        return next;
      });
    lead();
    await until(async () => (await journal.current()) === null, 'the update ends');
    const ended = await journal.get(record.id);
    expect(ended).toMatchObject({ state: 'aborted', outcome: 'failed', reservation: null });
    expect(ended?.failure).toMatchObject({ kind: 'internal', seen: expect.stringContaining('illegal move of n2') });
    expect(ended?.operatorMust).toContain('n2');
    expect((await journal.events(record.id, 0)).at(-1)).toMatchObject({ kind: 'ended', outcome: 'failed' });
    expect(logged.some((one) => one.level === 'error' && one.text.includes('fault'))).toBe(true);
    expect(await journal.quarantine(record.target.buildHash)).toBeNull();
  });

  it('one that does not come again ends nothing', async () => {
    const { journal, world, lead, stop } = leader();
    await journal.create(aRecord(), 'an update');
    let faults = 1;
    world.change = (id, epoch, change) => {
      faults -= 1;
      if (faults >= 0) throw new Error('illegal move, once');
      return journal.change(id, epoch, change);
    };
    lead();
    await until(async () => (await journal.current())?.intent?.kind === 'stage', 'the update goes on');
    stop.abort();
  });

  it('a store that does not answer, is full or refuses us is not one: the update waits', async () => {
    for (const code of ['unavailable', 'no-leader', 'disk', 'denied'] as const) {
      const { journal, memory, world, lead, stop, logged } = leader();
      await journal.create(aRecord(), 'an update');
      let left = 30;
      world.change = (id, epoch, change) => {
        left -= 1;
        if (left >= 0) throw new ClusterError(code, 'not now');
        return journal.change(id, epoch, change);
      };
      lead();
      await until(async () => (await journal.current())?.intent?.kind === 'stage', `${code} passes`);
      stop.abort();
      expect(keys.update in memory.held).toBe(true);
      expect(logged.some((one) => one.level === 'warn' && one.text.includes('waits'))).toBe(true);
    }
  });
});

describe('a caller that names a node which the update is not about', () => {
  it('is told so, and the update is none the worse for it', async () => {
    const { journal, updater, memory } = leader();
    await journal.create(aRecord(), 'an update');
    const before = memory.held[keys.update];
    const wanted = { code: 'not-found', detail: { nodeId: 'n9', seen: 'n2, n3, n1' } };
    await expect(updater.upgradeFollower({ nodeId: 'n9' })).rejects.toMatchObject(wanted);
    await expect(updater.rollbackNode({ nodeId: 'n9' })).rejects.toMatchObject(wanted);
    expect(memory.held[keys.update]).toBe(before);
  });
});

describe('what an update waits for', () => {
  it('is noted once a second where what is seen of it changes with every look (P12)', async () => {
    const { journal, seen, clock, lead, stop } = leader();
    const { id } = await journal.create(aRecord({ n2: 'staged', n3: 'staged', n1: 'staged' }), 'an update');
    const health = seen.nodes.find((node) => node.nodeId === 'n2')?.health;
    Object.defineProperty(health, 'healthy', { value: false });
    Object.defineProperty(health, 'reasons', { get: () => [`last heartbeat written ${clock.nowMs()} ms ago`] });
    const beganMs = clock.nowMs();
    lead();
    await until(() => clock.nowMs() - beganMs >= 10_000, 'ten seconds are over');
    stop.abort();
    const noted = (await journal.events(id, 0)).filter((event) => event.kind === 'waiting');
    expect(noted.length).toBeGreaterThan(5);
    expect(noted.length).toBeLessThanOrEqual(11);
  });
});

describe('a record that this build cannot read', () => {
  it('is left as it is and told once, is looked at no more than once a second, and goes on when it can be read', async () => {
    const { journal, memory, reads, clock, lead, logged, world } = leader();
    const readable = JSON.stringify(await journal.create(aRecord(), 'an update'));
    const newer = JSON.stringify({ ...JSON.parse(readable), v: 2 });
    memory.put(keys.update, newer);
    lead();
    const beganMs = clock.nowMs();
    const before = reads.ofRecord;
    await until(() => clock.nowMs() - beganMs > 60_000, 'a minute is over');
    expect(reads.ofRecord - before).toBeLessThanOrEqual(61);
    expect(world.looks).toBe(0);
    expect(memory.held[keys.update]).toBe(newer);
    expect(logged.filter((one) => one.level === 'error')).toMatchObject([{ code: 'operator-needed' }]);
    expect(logged.some((one) => one.level === 'warn')).toBe(false);
    memory.put(keys.update, readable);
    await until(async () => (await journal.current())?.intent?.kind === 'stage', 'the update goes on');
  });
});
