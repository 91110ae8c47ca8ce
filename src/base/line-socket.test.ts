import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { exchangeLine, serveLines } from './line-socket.ts';

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'line-socket-'));
  path = join(dir, 'a.sock');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ask = (): Promise<string> => exchangeLine(path, 'who?', 2000);

it('a socket is replaced without a moment in which nobody listens, and its end does not take the next one away', async () => {
  const first = await serveLines(path, () => 'first');
  expect([await ask(), statSync(path).mode & 0o777]).toEqual(['first', 0o600]);
  const second = await serveLines(path, async () => 'second');
  expect(await ask()).toBe('second');
  await first.close();
  expect(await ask()).toBe('second');
  await second.close();
  expect(readdirSync(dir)).toEqual([]);
});
