import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { propertyRuns, propertyTimeoutMs } from '../../../test/scenarios/arbitraries.ts';
import { commitMarginMs, lintTiming } from './lint.ts';
import { defaultOptions, type UpdateOptions } from './options.ts';

const seenBy = (change: Partial<UpdateOptions>, heartbeatMs = 5_000): string[] =>
  lintTiming({ ...defaultOptions, ...change }, heartbeatMs).map((one) => one.seen);

describe('timing lint', () => {
  it('takes the defaults, at the default heartbeat and at the fastest', () => {
    expect(seenBy({}, 5_000)).toEqual([]);
    expect(seenBy({}, 100)).toEqual([]);
  });

  it('spells the sum out that a trial is too short for', () => {
    const sum = 60_000 + 45_000 + commitMarginMs;
    expect(seenBy({ trialMs: sum })).toEqual([]);
    const [seen] = seenBy({ trialMs: sum - 1 });
    expect(seen).toBe(
      `trial ${sum - 1} ms < health 60000 + stabilization 45000 + commit ${commitMarginMs} = ${sum} ms`,
    );
  });

  it('wants time for one heartbeat more than stability counts, for the first one may just have passed', () => {
    expect(seenBy({ stabilizeTimeoutMs: 20_000 })).toEqual([]);
    expect(seenBy({ stabilizeTimeoutMs: 19_999 })).toEqual([expect.stringContaining('= 20000 ms')]);
  });

  it('lets the guard end a trial before a rollback counts as overdue', () => {
    expect(seenBy({ rollbackTimeoutMs: 179_999 })).toEqual([expect.stringContaining('= 180000 ms')]);
  });

  it.each<[keyof UpdateOptions, unknown]>([
    ['healthTimeoutMs', 0],
    ['drainTimeoutMs', -1],
    ['gateTimeoutMs', Number.NaN],
    ['trialMs', Number.POSITIVE_INFINITY],
    ['stageConcurrency', 0.5],
    ['stageConcurrency', 0],
    ['heartbeats', 0],
    ['bootsMax', 2.5],
    ['maxLagEntries', Number.NaN],
    ['maxLagEntries', -1],
    ['gateTimeoutMs', '60s'],
  ])('refuses %s = %s, by its name', (name, value) => {
    expect(seenBy({ [name]: value } as Partial<UpdateOptions>).join('\n')).toContain(name);
  });

  it('takes a lag of zero as a bound', () => {
    expect(seenBy({ maxLagEntries: 0 })).toEqual([]);
  });

  it('finds numbers that its own advice mends', { timeout: propertyTimeoutMs }, () => {
    const ms = fc.integer({ min: 1, max: 300_000 });
    const some = fc.record({ healthTimeoutMs: ms, stabilizeTimeoutMs: ms, trialMs: ms, rollbackTimeoutMs: ms });
    fc.assert(
      fc.property(some, fc.integer({ min: 100, max: 30_000 }), (given, heartbeatMs) => {
        const mended = { ...defaultOptions, ...given };
        mended.stabilizeTimeoutMs = Math.max(mended.stabilizeTimeoutMs, 4 * heartbeatMs);
        mended.trialMs = Math.max(mended.trialMs, mended.healthTimeoutMs + mended.stabilizeTimeoutMs + commitMarginMs);
        mended.rollbackTimeoutMs = Math.max(mended.rollbackTimeoutMs, mended.trialMs + mended.healthTimeoutMs);
        expect(lintTiming(mended, heartbeatMs)).toEqual([]);
      }),
      propertyRuns,
    );
  });
});
