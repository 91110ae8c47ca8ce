import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../adapters/system-clock.ts';
import { identify } from '../base/boot.ts';
import { holdDaemon } from '../daemon/daemon-lock.ts';
import { createSupervisorClient } from '../host/managers/supervisor/manager.ts';
import { createWayBack } from './way-back.ts';

const hash = 'a'.repeat(64);
let base = '';
let nowMs = 0;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'way-back-'));
  mkdirSync(join(base, 'run'));
  mkdirSync(join(base, 'releases', hash), { recursive: true });
  for (const file of ['index.js', 'guard.js', 'version.json']) writeFileSync(join(base, 'releases', hash, file), '');
  symlinkSync(`releases/${hash}`, join(base, 'dist'));
  nowMs = 0;
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('the way back, at every health check', () => {
  const clock = { ...systemClock, nowMs: () => nowMs };
  const ways = (changes: object = {}) =>
    createWayBack({ base, clock, supervised: true, serviceManagerAnswers: async () => 'yes', ...changes });

  it('is fine with a complete release and a service manager that answers', async () => {
    expect(await ways()()).toBe('');
  });

  it('is not, for a daemon that nobody would start again', async () => {
    expect(await ways({ supervised: false })()).toBe('no service manager: a failed trial could not end');
  });

  it('is not, where the service manager is gone', async () => {
    const serviceManagerAnswers = () => createSupervisorClient(base, 1_000).status();
    expect(await ways({ serviceManagerAnswers })()).toContain('the supervisor does not answer: a failed trial could');
  });

  it('is not, where what runs could not be gone back to', async () => {
    unlinkSync(join(base, 'releases', hash, 'guard.js'));
    expect(await ways()()).toContain('lacks index.js, guard.js or version.json');
    unlinkSync(join(base, 'dist'));
    expect(await ways()()).toContain('dist is no link');
  });

  it('is asked for once in five seconds, whoever wants to know', async () => {
    let asked = 0;
    const way = ways({ serviceManagerAnswers: async () => (asked += 1) });
    await Promise.all([way(), way(), way()]);
    nowMs = 4_999;
    await way();
    expect(asked).toBe(1);
    nowMs = 5_000;
    await way();
    expect(asked).toBe(2);
  });
});

describe('a second daemon of the same base', () => {
  it('is refused by name while the first one lives, and not after it', () => {
    const letGo = holdDaemon(base, 'daemon');
    expect(() => holdDaemon(base, 'daemon')).toThrow('a daemon of this base runs already');
    letGo();
    holdDaemon(base, 'daemon')();
  });

  it('is refused also where only the supervisor has noted the first one', () => {
    const other = spawn('sleep', ['60']);
    try {
      writeFileSync(join(base, 'run/daemon.json'), JSON.stringify(identify(other.pid ?? 0)));
      const seen = `process ${other.pid} runs ${base}`;
      expect(() => holdDaemon(base, 'daemon')).toThrow(
        expect.objectContaining({ code: 'refused', detail: expect.objectContaining({ seen }) }),
      );
    } finally {
      other.kill('SIGKILL');
    }
  });

  it.each([
    ['is this very process', () => identify(process.pid)],
    ['is one with the same number in another life', () => ({ ...identify(process.ppid), startTime: '1' })],
    ['cannot be read', () => 'garbage'],
  ])('is none where what was noted %s', (_, noted) => {
    writeFileSync(join(base, 'run/daemon.json'), JSON.stringify(noted()));
    holdDaemon(base, 'daemon')();
  });
});
