/** Runs one rsync. Staging must disturb nobody, so it runs with low priority. */
import { type ChildProcess, spawn } from 'node:child_process';
import { ClusterError } from '../../errors.ts';
import type { Ended } from './outcome.ts';

const keptBytes = 8 * 1024;
/** After SIGTERM rsync puts away what it has, for the next attempt; one that does not end gets SIGKILL. */
const graceMs = 2000;

/** rsync takes orders from its environment too (RSYNC_RSH, RSYNC_PARTIAL_DIR, …): ours are in argv alone. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('RSYNC_'));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

/** Starts `argv` niced, in `cwd`. The process group is ours: who ends us as a group ends it too. */
export function startRsync(argv: string[], cwd: string): ChildProcess {
  return spawn('nice', ['-n', '10', ...argv], { cwd, env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Asks a process to end, and makes it. Returns a function that calls the second part off. */
export function endProcess(child: ChildProcess): () => void {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  timer.unref();
  return () => clearTimeout(timer);
}

/** Collects the end of what a stream says. */
export function keepTail(stream: NodeJS.ReadableStream | null): () => string {
  let kept = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-keptBytes);
  });
  return () => kept.toString('utf8');
}

function notStarted(cause: Error): ClusterError {
  return new ClusterError(
    'transfer-failed',
    'rsync could not be started',
    {
      seen: cause.message,
      wanted: 'rsync and nice in PATH',
      next: 'install rsync on this host',
    },
    cause,
  );
}

/** How the process ended, when its output was read to the end. Throws ClusterError 'transfer-failed' when it never ran. */
export function waitForEnd(child: ChildProcess): Promise<Omit<Ended, 'stdout' | 'stderr'>> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(notStarted(cause)));
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

/** Runs a client to its end. An aborted signal ends it; how it ended then tells that. */
export async function runRsync(argv: string[], cwd: string, signal?: AbortSignal): Promise<Ended> {
  const child = startRsync(argv, cwd);
  const stdout = keepTail(child.stdout);
  const stderr = keepTail(child.stderr);
  child.stdin?.on('error', () => {});
  child.stdin?.end();
  let callOff: (() => void) | undefined;
  const stop = (): void => {
    callOff = endProcess(child);
  };
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const end = await waitForEnd(child);
    return { ...end, stdout: stdout(), stderr: stderr() };
  } finally {
    callOff?.();
    signal?.removeEventListener('abort', stop);
  }
}
