import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { prune } from '../release/prune.ts';
import { beginProbation, readProbationView } from './probation-view.ts';
import { createProbationLook, watchProbation } from './probation-watch.ts';
import { parseTrial, type Trial } from './trial-file.ts';

const [good, next, old, older] = ['a', 'b', 'c', 'd'].map((one) => one.repeat(64)) as [string, string, string, string];
const trial: Trial = {
  v: 1,
  id: 't1',
  service: 'claudecluster',
  updateId: 'u1',
  release: next,
  knownGood: good,
  epoch: 4,
  bootId: 'b',
  startedAtMs: 1,
  healthTimeoutMs: 1,
  trialMs: 1,
  bootsMax: 3,
  armedAt: 'x',
};
const quiet = (): void => {};
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => logger };

let base = '';
let nowMs = 0;
let ended: boolean | Error = false;
let healthy = true;
let asked = 0;
const clock: Clock = {
  nowMs: () => nowMs,
  wallIso: () => 'now',
  sleep: async (ms) => {
    nowMs += ms;
  },
  randomId: () => 'id',
};
const deps = () => ({
  base,
  clock,
  logger,
  probationMs: 600_000,
  healthy: () => healthy,
  updateEnded: async (id: string) => {
    asked += 1;
    expect(id).toMatch(/^u[12]$/);
    if (ended instanceof Error) throw ended;
    return ended;
  },
});
const there = (): boolean => existsSync(join(base, 'probation.json'));

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'probation-'));
  mkdirSync(join(base, 'run'));
  symlinkSync(`releases/${next}`, join(base, 'dist'));
  beginProbation(base, trial, 'x');
  writeFileSync(join(base, 'probation.progress.json'), JSON.stringify({ v: 1, probation: 't1', starts: 1 }));
  nowMs = 1_000;
  ended = false;
  healthy = true;
  asked = 0;
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('a probation', () => {
  it('stands as long as the update goes on, however long that takes', async () => {
    const look = createProbationLook(deps());
    for (let hour = 0; hour < 10; hour += 1) {
      nowMs += 3_600_000;
      expect(await look()).toBe(false);
    }
    expect(there()).toBe(true);
  });

  it('ends its time after the update has ended, with its count, to the millisecond', async () => {
    const look = createProbationLook(deps());
    ended = true;
    expect(await look()).toBe(false);
    nowMs += 599_999;
    expect(await look()).toBe(false);
    nowMs += 1;
    expect(await look()).toBe(true);
    expect([there(), existsSync(join(base, 'probation.progress.json'))]).toEqual([false, false]);
    expect(asked).toBe(1);
    expect(await look()).toBe(false);
  });

  it('goes on while the node is not healthy', async () => {
    const look = createProbationLook(deps());
    ended = true;
    await look();
    nowMs += 700_000;
    healthy = false;
    expect(await look()).toBe(false);
    healthy = true;
    expect(await look()).toBe(true);
  });

  it('goes on while nobody can say whether the update has ended, and its time begins when it is known', async () => {
    const look = createProbationLook(deps());
    ended = new Error('no quorum');
    await expect(look()).rejects.toThrow('no quorum');
    nowMs += 900_000;
    ended = true;
    expect(await look()).toBe(false);
    expect(there()).toBe(true);
  });

  it('begins its time anew for another commit', async () => {
    const look = createProbationLook(deps());
    ended = true;
    await look();
    nowMs += 500_000;
    beginProbation(base, { ...trial, id: 't2', updateId: 'u2' }, 'x');
    await look();
    nowMs += 500_000;
    expect(await look()).toBe(false);
    nowMs += 100_000;
    expect(await look()).toBe(true);
  });

  it('is left alone while a verb runs, and beside a trial or a release that it is not about', async () => {
    const look = createProbationLook(deps());
    ended = true;
    await look();
    nowMs += 700_000;
    const verb = tryLock(nodePaths(base).verbLock, 'commit u2');
    expect(await look()).toBe(false);
    if (verb.held) verb.release();
    writeFileSync(join(base, 'trial.json'), JSON.stringify(trial));
    expect(parseTrial(JSON.stringify(trial))).not.toBeNull();
    expect([await look(), readProbationView(base)]).toEqual([false, null]);
    unlinkSync(join(base, 'trial.json'));
    expect(readProbationView(base)).toEqual({ updateId: 'u1', release: next, previous: good });
    unlinkSync(join(base, 'dist'));
    symlinkSync(`releases/${good}`, join(base, 'dist'));
    expect([await look(), readProbationView(base), there()]).toEqual([false, null, true]);
  });

  it('is looked at again and again until it is over, through failures', async () => {
    const stop = new AbortController();
    ended = new Error('not now');
    const counted: Clock = {
      ...clock,
      sleep: async (ms) => {
        nowMs += ms;
        if (asked === 3) ended = true;
        if (!there()) stop.abort();
      },
    };
    await watchProbation({ ...deps(), clock: counted, pollMs: 1_000 }, stop.signal);
    expect(there()).toBe(false);
    expect(asked).toBe(4);
    expect(nowMs).toBeGreaterThanOrEqual(601_000);
  });

  it('keeps the release before it from being pruned', async () => {
    for (const hash of [good, next, old, older]) mkdirSync(join(base, 'releases', hash), { recursive: true });
    const removed = await prune(base, 0);
    expect(removed.sort()).toEqual([old, older]);
    expect(existsSync(join(base, 'releases', good))).toBe(true);
  });
});
