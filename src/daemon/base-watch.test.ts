import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { watchBase } from './base-watch.ts';

let dir = '';
let base = '';
let warnings: object[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'base-watch-'));
  base = join(dir, 'n1');
  mkdirSync(base);
  warnings = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const quiet = () => {};
const logger: Logger = {
  debug: quiet,
  info: quiet,
  warn: (fields) => warnings.push(fields),
  error: quiet,
  child: () => logger,
};

/** Time passes in `sleep` only; `at` is called before each look but the first. */
function clockWith(at: (turn: number) => void): Clock {
  let now = 0;
  let turn = 0;
  return {
    nowMs: () => now,
    wallIso: () => '',
    randomId: () => '',
    sleep: async (ms) => {
      now += ms;
      turn += 1;
      at(turn);
    },
  };
}

const watch = (at: (turn: number) => void, signal = new AbortController().signal) =>
  watchBase({ base, clock: clockWith(at), logger, lock: join(base, 'run', 'daemon.lock') }, signal);

it('a daemon learns that its base is gone, and is told once while it is not sure yet', async () => {
  const seen = await watch((turn) => {
    if (turn === 3) rmSync(base, { recursive: true });
  });
  expect(seen).toBe(`${base}: ENOENT`);
  expect(warnings).toEqual([{ seen: `${base}: ENOENT` }]);
});

it('a base that comes back within ten seconds, as a mount does, ends nothing', async () => {
  const stop = new AbortController();
  const seen = await watch((turn) => {
    if (turn % 8 === 1) renameSync(base, `${base}.away`);
    if (turn % 8 === 5) renameSync(`${base}.away`, base);
    if (turn === 80) stop.abort();
  }, stop.signal);
  expect(seen).toBeNull();
});
