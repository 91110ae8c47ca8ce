/** What the figures were measured on: they mean nothing without it. */
import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { removeDir, tempDir } from '../test/support/temp.ts';
import { nowMs } from '../test/support/wait.ts';
import { median } from './harness.ts';

export function describeMachine(): string[] {
  const [cpu] = cpus();
  return [
    `${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${(totalmem() / 1e9).toFixed(0)} GB, Linux ${release()} ${arch()}`,
    `Node ${process.versions.node}, ${firstLine('etcd', ['--version'])}, ${firstLine('rsync', ['--version'])}`,
    `fsync of 4 kB in the temporary directory: median ${fsyncMs().toFixed(1)} ms`,
  ];
}

function firstLine(program: string, args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0]?.trim() ?? program;
}

/** etcd waits for the disk before it acknowledges: its speed is part of every gap. */
function fsyncMs(): number {
  const dir = tempDir('fsync');
  const file = openSync(join(dir, 'probe'), 'w');
  const times = Array.from({ length: 50 }, () => {
    writeSync(file, Buffer.alloc(4096));
    const before = nowMs();
    fsyncSync(file);
    return nowMs() - before;
  });
  closeSync(file);
  removeDir(dir);
  return median(times);
}
