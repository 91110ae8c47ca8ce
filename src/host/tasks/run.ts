/**
 * Runs one command for somebody else: no shell, its own process group, and nothing of that group is left when the call
 * has ended. request: what may be asked · output: where its words go · group: how all of it ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { setNice, verbNice } from '../../base/priority.ts';
import { groupEnder } from './group.ts';
import { type Consume, drained, pump, within } from './output.ts';
import { checkTaskRequest, defaultTaskTimeoutMs, isNodeVerb, type TaskRequest } from './request.ts';

export interface TaskStatus {
  /** null when a signal ended it, or when it did not start. */
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  /** Why it could not be started; '' when it was. */
  spawnError: string;
}

/** Where output goes. A promise holds the task's output back until it resolves; one that rejects ends the task. */
export interface TaskIo {
  onStdout: Consume;
  onStderr: Consume;
  /** Ends the whole process group when it aborts. */
  signal?: AbortSignal;
}

export interface TaskDeps {
  /** Default working directory. */
  base: string;
  /** What 'claudecluster' stands for: executable and first arguments, as [process.execPath, '<base>/dist/index.js']. */
  ownArgv: readonly string[];
  /** Added to the minimal environment of every task: CLAUDECLUSTER_CONFIG and the like. */
  env?: Readonly<Record<string, string>>;
  /** Milliseconds from SIGTERM to SIGKILL. Default 2,000. */
  killAfterMs?: number;
  /** Milliseconds that pipes which outlive the command are waited for. Default 500. */
  drainMs?: number;
}

const inherited = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function environment(deps: TaskDeps, request: TaskRequest): Record<string, string> {
  const env: Record<string, string> = { PATH: defaultPath };
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...deps.env, ...request.env };
}

function notStarted(spawnError: string): TaskStatus {
  return { exitCode: null, signal: null, timedOut: false, spawnError };
}

function start(deps: TaskDeps, request: TaskRequest): ChildProcess | TaskStatus {
  const cwd = request.cwd ? request.cwd : deps.base;
  // Said apart, for spawn reports a missing directory as if the program were missing.
  if (!isDirectory(cwd)) return notStarted(`no working directory ${cwd}`);
  const own = request.argv[0] === 'claudecluster';
  const argv = own ? [...deps.ownArgv, ...request.argv.slice(1)] : [...request.argv];
  try {
    return spawn(argv[0] ?? '', argv.slice(1), {
      cwd,
      env: environment(deps, request),
      detached: true, // a session and process group of its own, so that all of it can be ended at once
      stdio: [request.stdin?.length ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    return notStarted(error instanceof Error ? error.message : String(error));
  }
}

/** A path through a file, or one that may not be seen, leads to no directory either. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

type Ending = { exitCode: number | null; signal: string | null } | { spawnError: string };

function ending(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ spawnError: error.message });
    });
  });
}

/**
 * Runs a task to its end. Its whole process group has ended when this resolves: at the timeout, when `io.signal`
 * aborts, and also when the command itself left children behind.
 * Throws ClusterError 'usage' for a request that makes no sense; a program that cannot start is a status.
 */
export async function runTask(deps: TaskDeps, request: TaskRequest, io: TaskIo): Promise<TaskStatus> {
  checkTaskRequest(request);
  if (io.signal?.aborted) return { exitCode: null, signal: 'SIGTERM', timedOut: false, spawnError: '' };
  const child = start(deps, request);
  if ('spawnError' in child) return child;
  const ended = ending(child);
  if (child.pid === undefined) {
    const failed = await ended;
    return notStarted('spawnError' in failed ? failed.spawnError : 'the program did not start');
  }
  if (isNodeVerb(request.argv)) setNice(child.pid, verbNice);
  const group = groupEnder(child.pid, deps.killAfterMs ?? 2000);
  let timedOut = false;
  const timeout = setTimeout(() => {
    timedOut = true;
    group.stop();
  }, request.timeoutMs || defaultTaskTimeoutMs);
  io.signal?.addEventListener('abort', group.stop, { once: true });
  const pumps = [pump(child.stdout, io.onStdout, group.stop), pump(child.stderr, io.onStderr, group.stop)];
  feed(child, request.stdin);
  try {
    const end = await ended;
    // Whoever was told to end, and then ended as it liked, has not done its work: its caller must see that.
    const cutShort = group.stopped() && !timedOut && !isNodeVerb(request.argv);
    const drainMs = deps.drainMs ?? 500;
    await within(Promise.all(pumps.map((one) => one.ended)), drainMs);
    group.kill(); // what the command left behind ends with it, pipes or not
    await drained(pumps, drainMs, group.stopped);
    if ('spawnError' in end) return notStarted(end.spawnError);
    if (cutShort) return { exitCode: null, signal: end.signal ?? 'SIGTERM', timedOut, spawnError: '' };
    return { ...end, timedOut, spawnError: '' };
  } finally {
    clearTimeout(timeout);
    io.signal?.removeEventListener('abort', group.stop);
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.stdin?.destroy();
  }
}

function feed(child: ChildProcess, stdin: Uint8Array | undefined): void {
  if (child.stdin === null) return;
  // A task may end, or close its input, without reading all of it; that is its own affair.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
}
