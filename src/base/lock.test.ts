import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../adapters/system-clock.ts';
import { groupMembers, identify, isSameProcess, type ProcessIdentity } from './boot.ts';
import { inheritLock, letGo, lockHolder, lockVerbs, tryLock } from './lock.ts';

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'));
  path = join(dir, 'run', 'verb.lock');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('is held by one, named, and free again afterwards', async () => {
  const first = tryLock(path, 'commit u1');
  expect(first.held).toBe(true);
  expect(lockHolder(path)).toMatchObject({ pid: process.pid, what: 'commit u1' });
  await expect(lockVerbs(path, 'activate u2', systemClock, 60)).rejects.toMatchObject({
    code: 'trial-busy',
    message: `another verb runs on this node: process ${process.pid} (commit u1)`,
  });
  if (first.held) first.release();
  (await lockVerbs(path, 'activate u2', systemClock, 0))();
  expect(readdirSync(join(dir, 'run'))).toEqual([]);
});

it.each([
  ['a process that is gone', (me: object) => ({ ...me, pid: 4194399 })],
  ['a process that had this pid before', (me: object) => ({ ...me, startTime: '1' })],
  ['a process of another boot', (me: object) => ({ ...me, bootId: 'before' })],
  ['nobody who can be read', () => 'garbage'],
])('held by %s is taken over', (_, holder) => {
  tryLock(path, 'x');
  writeFileSync(path, JSON.stringify({ ...(holder(identify(process.pid) ?? {}) as object), what: 'old' }));
  expect(lockHolder(path)).toBeNull();
  expect(tryLock(path, 'y').held).toBe(true);
  expect(lockHolder(path)?.what).toBe('y');
});

it('is handed over without a moment in which it is free, and only by who holds it', () => {
  const other = { pid: 1, ...identify(1) } as ProcessIdentity;
  const mine = tryLock(path, 'x');
  expect(inheritLock(path, other, 'y')).toMatchObject({ held: false, by: { pid: process.pid, what: 'x' } });
  writeFileSync(path, JSON.stringify({ ...other, what: 'before us' }));
  expect(tryLock(path, 'z').held).toBe(false);
  expect(inheritLock(path, other, 'y').held).toBe(true);
  expect(lockHolder(path)).toMatchObject({ pid: process.pid, what: 'y' });
  if (mine.held) mine.release();
  expect(readdirSync(join(dir, 'run'))).toEqual([]);
});

it('a late release does not free the lock of a later holder', () => {
  const first = tryLock(path, 'x');
  writeFileSync(path, JSON.stringify({ pid: 1, ...identify(1), what: 'somebody else' }));
  if (first.held) first.release();
  expect(existsSync(path)).toBe(true);
});

it('a process is told from its namesakes, and its group is found', async () => {
  const child = spawn('sleep', ['30'], { detached: true, stdio: 'ignore' });
  const who = identify(child.pid ?? 0);
  if (who === null) throw new Error('no such process');
  expect(isSameProcess(who)).toBe(true);
  expect(groupMembers(who)).toEqual([child.pid]);
  expect(groupMembers({ ...who, startTime: '1' })).toEqual([]);
  expect(groupMembers({ ...who, pid: 0, startTime: '0' })).toEqual([]);
  const ended = new Promise((done) => child.once('exit', done));
  process.kill(who.pid, 'SIGKILL');
  await ended;
  expect(isSameProcess(who)).toBe(false);
});

it('a lock that the disk keeps is removed as soon as it can be, and not given up', async () => {
  const answers = [false, false, true];
  const slept: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms);
  };
  await letGo({ release: () => answers.shift() ?? true }, { sleep });
  expect([answers, slept.length]).toEqual([[], 2]);
  const asked = new AbortController();
  asked.abort();
  await letGo({ release: () => false }, { sleep }, asked.signal);
  expect(slept).toHaveLength(2);
});
