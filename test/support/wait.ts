import { setTimeout as sleep } from 'node:timers/promises';

/** Monotonic milliseconds of this boot, with fractions: comparable between the processes of one machine. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Asks `look` again and again until it returns something other than undefined, null or false, and returns that.
 * Throws after `timeoutMs` with `what`, and with what `look` threw last. Asks every `everyMs` (default 50).
 */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  options: { timeoutMs: number; everyMs?: number },
): Promise<T> {
  const until = nowMs() + options.timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== null && seen !== false) return seen;
      last = undefined;
    } catch (thrown) {
      last = thrown;
    }
    if (nowMs() >= until) throw new Error(`waited ${options.timeoutMs} ms for ${what}`, { cause: last });
    await sleep(options.everyMs ?? 50);
  }
}
