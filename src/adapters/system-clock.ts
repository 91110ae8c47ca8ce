import { randomBytes } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';

/** Node's timers know no longer time than this, ms (24 days), and take a longer one for none at all. */
const longestMs = 2 ** 31 - 1;

/** The machine's own time and randomness. */
export const systemClock: Clock = {
  nowMs: () => Number(process.hrtime.bigint() / 1_000_000n),
  wallIso: () => new Date().toISOString(),
  sleep: (ms, signal) =>
    new Promise((done) => {
      if (signal?.aborted) return done();
      const finish = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        done();
      };
      const timer = setTimeout(finish, Math.min(ms, longestMs));
      signal?.addEventListener('abort', finish, { once: true });
    }),
  randomId: (bytes) => randomBytes(bytes).toString('hex'),
};
