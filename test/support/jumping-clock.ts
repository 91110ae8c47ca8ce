import type { Clock } from '../../src/ports/clock.ts';

/** A clock whose sleeps take no time and move it; others get their turn in between. */
export function jumpingClock(): Clock {
  let nowMs = 1_000;
  let ids = 0;
  return {
    nowMs: () => nowMs,
    wallIso: () => new Date(Date.UTC(2026, 0, 1) + nowMs).toISOString(),
    sleep: async (ms, signal) => {
      if (signal?.aborted !== true) nowMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
    randomId: (bytes) => {
      ids += 1;
      return ids.toString(16).padStart(bytes * 2, '0');
    },
  };
}
