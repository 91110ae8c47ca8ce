import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from './system-clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('a sleep that is longer than a timer of Node can be does not end at once', async () => {
  vi.useFakeTimers();
  let over = false;
  const stop = new AbortController();
  const slept = systemClock.sleep(1_000 * 3_600_000, stop.signal).then(() => {
    over = true;
  });
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(over).toBe(false);
  stop.abort();
  await slept;
  expect(over).toBe(true);
});
