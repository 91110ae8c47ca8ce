/** A build's own word on whether it can run on this host, asked before it gets a release's name. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setNice, verbNice } from '../base/priority.ts';
import { ClusterError } from '../errors.ts';

const keptBytes = 4 * 1024;

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The whole group is gone already.
  }
}

interface Ended {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  output: string;
}

function run(dir: string, timeoutMs: number, signal?: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const argv = [join(dir, 'index.js'), 'self-test'];
    // A group of its own: what the build starts ends with it.
    const child = spawn(process.execPath, argv, { cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid !== undefined) setNice(child.pid, verbNice);
    let kept = Buffer.alloc(0);
    let timedOut = false;
    const keep = (chunk: Buffer): void => {
      kept = Buffer.concat([kept, chunk]).subarray(-keptBytes);
    };
    // Where no descriptor was left there are no streams either, whatever their type says; the error follows.
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const stop = (): void => endGroup(child);
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, timeoutMs);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    child.once('error', (error) => {
      done();
      reject(error);
    });
    // At 'exit', not at 'close': a process that it left behind may hold the pipes open.
    child.once('exit', (exitCode, how) => {
      done();
      endGroup(child);
      setImmediate(() => resolve({ exitCode, signal: how, timedOut, output: kept.toString('utf8') }));
    });
  });
}

/**
 * Runs `node DIR/index.js self-test` and everything it starts, for `timeoutMs` milliseconds at most.
 * Throws ClusterError 'self-test-failed' with the end of its output.
 */
export async function runSelfTest(dir: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const ended = await run(dir, timeoutMs, signal).catch((cause: Error) => {
    throw new ClusterError('self-test-failed', 'the self-test could not be started', { seen: cause.message }, cause);
  });
  if (ended.exitCode === 0 && !ended.timedOut) return;
  const how = ended.timedOut
    ? `no end within ${timeoutMs} ms`
    : ended.signal === null
      ? `exit code ${ended.exitCode}`
      : ended.signal;
  const said = ended.output.trim().split('\n').slice(-10).join('\n');
  throw new ClusterError('self-test-failed', "the build's own self-test failed", {
    seen: said === '' ? how : `${how}: ${said}`,
    wanted: 'exit code 0',
    next: 'mend the build; nothing was switched',
  });
}
