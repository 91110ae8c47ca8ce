import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stderrDestination } from './stderr.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'stderr-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the log of a long-lived process', () => {
  it('gets every line', () => {
    const fd = openSync(join(dir, 'log'), 'a');
    const logger = pino({ base: null, timestamp: false }, stderrDestination(fd));
    for (const n of [1, 2]) logger.info({ n }, 'said');
    closeSync(fd);
    expect(readFileSync(join(dir, 'log'), 'utf8')).toBe(
      '{"level":30,"n":1,"msg":"said"}\n{"level":30,"n":2,"msg":"said"}\n',
    );
  });

  it('on a full disk is lost, and nothing ends', () => {
    const fd = openSync('/dev/full', 'w');
    const logger = pino({}, stderrDestination(fd));
    expect(() => logger.error({}, 'said')).not.toThrow();
    closeSync(fd);
    expect(() => logger.error({}, 'said to nobody')).not.toThrow();
  });

  it('waits for a reader that is slow', async () => {
    const fifo = join(dir, 'pipe');
    await new Promise((done) => execFile('mkfifo', [fifo], done));
    const reader = execFile('sh', ['-c', 'sleep 0.3; wc -c < "$0"', fifo]);
    let counted = '';
    reader.stdout?.on('data', (chunk) => {
      counted += String(chunk);
    });
    // Non-blocking, as a pipe is whose other owner made it so: more than it holds is EAGAIN until somebody reads.
    const fd = openSync(fifo, 0o4000 | 2);
    stderrDestination(fd).write('x'.repeat(200_000));
    closeSync(fd);
    await new Promise((done) => reader.once('close', done));
    expect(Number(counted)).toBe(200_000);
  });
});
