import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { takeBackByHand } from './by-hand.ts';
import { giveBack, ownUpkeep, type UpkeepDeps } from './own-upkeep.ts';
import { memoryStore } from './testing/memory-store.ts';

/** So often the disk does not take the removal of a lock. */
const disk = vi.hoisted(() => ({ refuses: 0 }));
vi.mock('../base/lock.ts', async (original) => {
  const lock = await original<typeof import('../base/lock.ts')>();
  const tryLock: typeof lock.tryLock = (...about) => {
    const attempt = lock.tryLock(...about);
    if (!attempt.held) return attempt;
    const remove = (): boolean => {
      if (disk.refuses === 0) return attempt.release();
      disk.refuses -= 1;
      return false;
    };
    return { held: true, release: remove };
  };
  return { ...lock, tryLock };
});

const release = 'a'.repeat(64);
const other = 'b'.repeat(64);
const quiet = (): void => undefined;
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => logger };

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'upkeep-'));
  mkdirSync(join(base, 'data'));
  mkdirSync(join(base, 'run'));
  symlinkSync(`releases/${release}`, join(base, 'dist'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const placeOf = (nodeId: string): Record<string, string> => ({
  [keys.byHand]: JSON.stringify({ v: 1, nodeId, updateId: 'by-hand-1', at: '2026-01-01T00:00:00.000Z' }),
});

function node(held: Record<string, string>, change: Partial<UpkeepDeps> = {}) {
  const memory = memoryStore(held);
  const clock: Clock = { nowMs: () => 0, wallIso: () => '', randomId: () => '', sleep: async () => undefined };
  const common = { base, nodeId: 'n1', release, heartbeatMs: 1_000, healthy: () => true };
  const deps: UpkeepDeps = { ...common, store: memory.store, clock, logger, ...change };
  return { deps, held: memory.held };
}

describe('the place that a node holds by hand', () => {
  it('is given back when the node is well and on no trial', async () => {
    const { deps, held } = node(placeOf('n1'));
    expect(await giveBack(deps)).toBe(false);
    expect(held[keys.byHand]).toBeUndefined();
  });

  it.each([
    ['while its trial goes on', () => writeFileSync(nodePaths(base).trial, '{}'), {}],
    ['while its rollback is not finished', () => writeFileSync(nodePaths(base).trialEnding, '{}'), {}],
    ['while it is not healthy', quiet, { healthy: () => false }],
    ['by a build that is about to make way for the known-good one', quiet, { release: other }],
    ['while a verb may be taking it', () => void tryLock(nodePaths(base).verbLock, 'activate by-hand-1'), {}],
  ])('is kept %s', async (_, before, change) => {
    before();
    const { deps, held } = node(placeOf('n1'), change);
    expect(await giveBack(deps)).toBe(true);
    expect(held[keys.byHand]).toBeDefined();
  });

  it('leaves no lock behind that would keep every verb from this node, however often the disk keeps it (seed 5673)', async () => {
    disk.refuses = 3;
    const slept: number[] = [];
    const clock = { sleep: async (ms: number) => void slept.push(ms) } as Clock;
    const { deps } = node(placeOf('n1'), { clock });
    expect(await giveBack(deps)).toBe(false);
    expect(slept).toHaveLength(3);
    const next = tryLock(nodePaths(base).verbLock, 'activate u-1');
    expect(next.held).toBe(true);
  });

  it("of another node is not this one's to give back", async () => {
    const { deps, held } = node(placeOf('n2'));
    expect(await giveBack(deps)).toBe(false);
    expect(held[keys.byHand]).toBeDefined();
  });

  it('of a node that is gone for good is taken back at the word of an operator who names it', async () => {
    const { deps, held } = node(placeOf('n2'));
    await expect(takeBackByHand(deps.store, 'n3')).rejects.toMatchObject({
      code: 'refused',
      detail: { seen: 'n2 holds it for by-hand-1 since 2026-01-01T00:00:00.000Z', wanted: 'n3 to hold it' },
    });
    expect(await takeBackByHand(deps.store, 'n2')).toBe(true);
    expect(held[keys.byHand]).toBeUndefined();
    expect(await takeBackByHand(deps.store, 'n2')).toBe(false);
  });
});

describe('the upkeep', () => {
  it('lets go of an epoch that the cluster never got to, and gives the place back, whenever the store answers', async () => {
    writeFileSync(join(base, 'data/epoch.json'), `{"epoch":${Number.MAX_SAFE_INTEGER}}`);
    const stop = new AbortController();
    let calls = 0;
    const memory = memoryStore({ ...placeOf('n1'), [keys.epoch]: '7' }, () => {
      calls += 1;
      if (calls < 4) throw new ClusterError('unavailable', 'the store does not answer');
    });
    const slept: number[] = [];
    const clock = {
      sleep: async (ms: number) => {
        slept.push(ms);
        if (memory.held[keys.byHand] === undefined) stop.abort();
      },
    } as Clock;
    const { deps } = node({}, { store: memory.store, clock });
    await ownUpkeep(deps, stop.signal);
    expect(JSON.parse(readFileSync(join(base, 'data/epoch.json'), 'utf8'))).toEqual({ epoch: 7 });
    expect(slept.slice(0, 3)).toEqual([1_000, 1_000, 1_000]);
  });

  it('asks seldom where there is nothing to do', async () => {
    const stop = new AbortController();
    const slept: number[] = [];
    const clock = {
      sleep: async (ms: number) => {
        slept.push(ms);
        stop.abort();
      },
    } as Clock;
    await ownUpkeep(node({}, { clock }).deps, stop.signal);
    expect(slept).toEqual([60_000]);
  });
});
