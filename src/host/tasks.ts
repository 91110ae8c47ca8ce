/**
 * Runs one command for somebody else: no shell, its own process group, and nothing of that group is left when the call
 * has ended. Output goes to the consumer as it comes; a slow consumer makes the task wait instead of filling memory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setNice, verbNice } from '../base/priority.ts';
import { ClusterError } from '../errors.ts';

export interface TaskRequest {
  /** argv[0] is looked up in PATH; 'claudecluster' is the node's own release. */
  argv: readonly string[];
  /** Default: the node's base directory. */
  cwd?: string;
  /** Added to the node's environment for tasks. */
  env?: Readonly<Record<string, string>>;
  /** Milliseconds until the process group is killed; 0 or undefined: 10 minutes. */
  timeoutMs?: number;
  stdin?: Uint8Array;
}

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
  onStdout: (chunk: Uint8Array) => void | Promise<void>;
  onStderr: (chunk: Uint8Array) => void | Promise<void>;
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

export const defaultTaskTimeoutMs = 600_000;
/** One day: above it a timeout is a mistake in units. */
const maxTaskTimeoutMs = 86_400_000;

const inherited = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Is it one of the cluster's own verbs (`claudecluster node …`), which run on a draining node too? */
function isNodeVerb(argv: readonly string[]): boolean {
  return argv[0] === 'claudecluster' && argv[1] === 'node';
}

/** Throws ClusterError 'usage' for a request that no process could be started from. */
function checkTaskRequest(request: TaskRequest): void {
  const program = request.argv[0];
  if (program === undefined || program === '')
    throw new ClusterError('usage', 'a task needs argv[0]: the program to run');
  const texts = [...request.argv, request.cwd ?? '', ...Object.entries(request.env ?? {}).flat()];
  if (texts.some((text) => text.includes('\0'))) {
    throw new ClusterError('usage', 'a task may not hold a NUL character in argv, cwd or env');
  }
  const badName = Object.keys(request.env ?? {}).find((name) => name === '' || name.includes('='));
  if (badName !== undefined) {
    throw new ClusterError('usage', 'not a name for an environment variable', { seen: JSON.stringify(badName) });
  }
  const { timeoutMs } = request;
  if (
    timeoutMs !== undefined &&
    !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= maxTaskTimeoutMs)
  ) {
    throw new ClusterError('usage', 'not a timeout for a task', {
      seen: `${timeoutMs} ms`,
      wanted: `0 to ${maxTaskTimeoutMs} ms`,
    });
  }
}

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
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true)
    return notStarted(`no working directory ${cwd}`);
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

interface Pump {
  ended: Promise<void>;
  /** Grows with every chunk taken and every chunk delivered. */
  moves: number;
  /** A chunk was handed over and the consumer has not taken it yet. */
  blocked: boolean;
}

function pump(stream: Readable | null, consume: TaskIo['onStdout'], onConsumerGone: () => void): Pump {
  const state: Pump = { ended: Promise.resolve(), moves: 0, blocked: false };
  const run = async (source: Readable): Promise<void> => {
    for await (const chunk of source) {
      state.moves += 1;
      state.blocked = true;
      await consume(chunk as Uint8Array);
      state.blocked = false;
      state.moves += 1;
    }
  };
  if (stream !== null) state.ended = run(stream).catch(onConsumerGone);
  return state;
}

/** Waits for `done`, at most `ms`. */
async function within(done: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Until the pipes ended, or nothing moved for `quietMs` although the consumer was not the one to wait for. */
async function drained(pumps: Pump[], quietMs: number, given: () => boolean): Promise<void> {
  const ended = Promise.all(pumps.map((one) => one.ended));
  const moves = (): number => pumps.reduce((sum, one) => sum + one.moves, 0);
  for (let before = moves(); !(await within(ended, quietMs)); before = moves()) {
    const consumerIsSlow = pumps.some((one) => one.blocked) && !given();
    if (!consumerIsSlow && moves() === before) return;
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the group is gone already, which is what was wanted.
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

/** Ends a process group in two steps; `stopped` says whether that was asked for. */
function groupEnder(pid: number, killAfterMs: number): { stop: () => void; kill: () => void; stopped: () => boolean } {
  let stopped = false;
  let killed = false;
  let timer: NodeJS.Timeout | undefined;
  return {
    stop: () => {
      // After the last SIGKILL the number may soon be another group's.
      if (!stopped && !killed) {
        signalGroup(pid, 'SIGTERM');
        timer = setTimeout(signalGroup, killAfterMs, pid, 'SIGKILL');
      }
      stopped = true;
    },
    kill: () => {
      killed = true;
      clearTimeout(timer);
      signalGroup(pid, 'SIGKILL');
    },
    stopped: () => stopped,
  };
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

export interface TaskRegistry {
  /** As runTask; throws ClusterError 'draining' while the node takes no new task. */
  run(request: TaskRequest, io: TaskIo): Promise<TaskStatus>;
  /** Tasks that run now, the cluster's own verbs not counted: they are what a drain is for. */
  running(): number;
  /** Ends or begins the acceptance of new tasks; returns how many still run. */
  drain(draining: boolean): number;
  draining(): boolean;
  /** Resolves when none of the node's own verbs runs any more, or after `ms`. */
  verbsEnded(ms: number): Promise<void>;
  /** Ends every running task (its own verbs too with `verbs`) and resolves when they are gone: argv[0] of each. */
  endAll(options?: { verbs?: boolean }): Promise<string[]>;
}

/** The tasks of one node. */
export function createTaskRegistry(deps: TaskDeps & { nodeId: string }): TaskRegistry {
  const tasks = new Map<AbortController, { verb: boolean; program: string; done: Promise<unknown> }>();
  let draining = false;
  const running = (): number => [...tasks.values()].filter((task) => !task.verb).length;

  const run = async (request: TaskRequest, io: TaskIo): Promise<TaskStatus> => {
    const verb = isNodeVerb(request.argv);
    if (draining && !verb) {
      throw new ClusterError('draining', `${deps.nodeId} is draining and takes no new task`, {
        nodeId: deps.nodeId,
        seen: `draining, ${running()} tasks still run`,
        wanted: 'active',
        next: 'run it on another node, or again after the update of this one',
      });
    }
    const ender = new AbortController();
    const signal = io.signal === undefined ? ender.signal : AbortSignal.any([io.signal, ender.signal]);
    const done = runTask(deps, request, { ...io, signal });
    tasks.set(ender, { verb, program: request.argv[0] ?? '', done: done.catch(() => {}) });
    try {
      return await done;
    } finally {
      tasks.delete(ender);
    }
  };

  return {
    run,
    running,
    drain: (on) => {
      draining = on;
      return running();
    },
    draining: () => draining,
    verbsEnded: async (ms) => {
      const verbs = [...tasks.values()].filter((task) => task.verb);
      await within(Promise.all(verbs.map((task) => task.done)), ms);
    },
    endAll: async (options = {}) => {
      const ended = [...tasks].filter(([, task]) => options.verbs === true || !task.verb);
      for (const [ender] of ended) ender.abort();
      await Promise.all(ended.map(([, task]) => task.done));
      return ended.map(([, task]) => task.program);
    },
  };
}
