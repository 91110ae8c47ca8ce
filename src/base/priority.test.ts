import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { setNice, verbNice } from './priority.ts';

let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

function sleeper(detached: boolean): number {
  child = spawn('sleep', ['60'], { detached, stdio: 'ignore' });
  if (child.pid === undefined) throw new Error('sleep did not start');
  return child.pid;
}

const sessionNice = (pid: number): string | null => {
  const file = `/proc/${pid}/autogroup`;
  return existsSync(file) ? (/nice (-?\d+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? null) : null;
};

describe('the priority of a process', () => {
  it('is that of its threads and, where it leads a session, of the session', () => {
    const pid = sleeper(true);
    const grouped = sessionNice(pid) !== null;
    setNice(pid, verbNice);
    expect(getPriority(pid)).toBe(verbNice);
    if (grouped) expect(sessionNice(pid)).toBe(String(verbNice));
  });

  it('is its own only, where the session is that of others', () => {
    const pid = sleeper(false);
    const before = sessionNice(process.pid);
    setNice(pid, verbNice);
    expect(getPriority(pid)).toBe(verbNice);
    expect(sessionNice(process.pid)).toBe(before);
  });

  it('is left as it is when there is no such process', () => {
    expect(() => setNice(2 ** 30, verbNice)).not.toThrow();
  });
});
