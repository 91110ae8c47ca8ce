/** One daemon process with its group: started, stopped, and no part of it left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  asIdentity,
  groupMembers,
  identify,
  isSameProcess,
  type ProcessIdentity,
  readBootId,
} from '../../../base/boot.ts';
import { quietly, readTextOrNull, removeDurable, writeJsonAtomic } from '../../../base/files.ts';
import { nodePaths } from '../../../base/paths.ts';
import type { Clock } from '../../../ports/clock.ts';
import { startLine } from '../../../trial/evidence.ts';

export interface Exit {
  exitCode: number | null;
  signal: string | null;
}

export interface Daemon {
  pid: number;
  identity: ProcessIdentity;
  /** Directory and buildHash of what it runs. */
  run: string;
  release: string | null;
  startedAtMs: number;
  exited: Promise<Exit>;
  /** Another process started it: it is known by who it is, and not by being our child. */
  adopted: boolean;
  /** Somebody else supervises it now: it keeps this process from its end no longer. */
  letGo(): void;
}

export interface StartOptions {
  base: string;
  run: string;
  release: string | null;
  args: string[];
  env: NodeJS.ProcessEnv;
  clock: Clock;
  logMaxBytes: number;
}

export const daemonFile = (base: string): string => join(nodePaths(base).run, 'daemon.json');

/** Copies the log aside and empties it when it is too large; who writes to it appends, and so goes on at its new end. */
export function rotateLog(file: string, maxBytes: number): void {
  quietly(() => {
    if (statSync(file).size <= maxBytes) return;
    if (existsSync(`${file}.1`)) renameSync(`${file}.1`, `${file}.2`);
    copyFileSync(file, `${file}.1`);
    truncateSync(file, 0);
  });
}

/**
 * Starts `index.js` of a release as the leader of a process group of its own: whatever it starts (etcd) can be ended
 * with it. Its output goes to log/daemon.log; a log that cannot be opened is no reason not to start.
 */
export function startDaemon(options: StartOptions): Daemon {
  const { base, run, release, args, env, clock } = options;
  const paths = nodePaths(base);
  const log = openLog(paths.log, paths.daemonLog, options.logMaxBytes);
  quietly(() => appendFileSync(paths.daemonLog, `${startLine(release ?? 'none', clock.wallIso())}\n`));
  const out = log ?? 'ignore';
  const child = spawn(process.execPath, [join(run, 'index.js'), ...args], {
    cwd: base,
    env,
    detached: true,
    stdio: ['ignore', out, out],
  });
  if (log !== null) closeSync(log);
  const exited = exitOf(child);
  const pid = child.pid ?? 0;
  const identity = identify(pid) ?? { pid, startTime: '0', bootId: readBootId() };
  const startedAtMs = clock.nowMs();
  quietly(() =>
    writeJsonAtomic(daemonFile(base), { ...identity, release, run, startedAt: clock.wallIso(), startedAtMs }),
  );
  return { pid, identity, run, release, startedAtMs, exited, adopted: false, letGo: () => child.unref() };
}

function openLog(dir: string, file: string, maxBytes: number): number | null {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    rotateLog(file, maxBytes);
    return openSync(file, 'a', 0o600);
  } catch {
    return null;
  }
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ exitCode: 127, signal: null }));
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  // A pid of 0 or -0 would be our own group: a daemon that could not be spawned has none.
  if (pid !== 0 && !Object.is(pid, -0)) quietly(() => process.kill(pid, signal));
}

/** SIGTERM to the daemon alone (it ends its etcd in its own order), SIGKILL to the group after `graceMs`. */
export async function stopDaemon(daemon: Daemon, graceMs: number, clock: Clock): Promise<Exit> {
  // The number of a child is its own until we have heard of its end; that of another's child may be anybody's by now.
  const isIt = (): boolean => !daemon.adopted || isSameProcess(daemon.identity);
  if (isIt()) signalTo(daemon.pid, 'SIGTERM');
  const patience = new AbortController();
  const exit = await Promise.race([daemon.exited, clock.sleep(graceMs, patience.signal)]);
  patience.abort();
  if (exit !== undefined) return exit;
  if (isIt()) signalTo(-daemon.pid, 'SIGKILL');
  return daemon.exited;
}

/** Ends what is left of a group whose leader is gone: SIGTERM, and SIGKILL after `graceMs`. Returns how many were left. */
export async function endGroup(leader: ProcessIdentity, graceMs: number, clock: Clock): Promise<number> {
  const left = groupMembers(leader).length;
  if (left === 0) return 0;
  for (const pid of groupMembers(leader)) signalTo(pid, 'SIGTERM');
  if (!(await gone(leader, graceMs, clock))) {
    for (const pid of groupMembers(leader)) signalTo(pid, 'SIGKILL');
    await gone(leader, 2000, clock);
  }
  return left;
}

async function gone(leader: ProcessIdentity, withinMs: number, clock: Clock): Promise<boolean> {
  const until = clock.nowMs() + withinMs;
  while (groupMembers(leader).length > 0) {
    if (clock.nowMs() >= until) return false;
    await clock.sleep(20);
  }
  return true;
}

/** Ends the group that a supervisor before us left behind, after a look at who it really is. Returns how many there were. */
export async function endLeftOver(base: string, graceMs: number, clock: Clock): Promise<number> {
  let identity: ProcessIdentity | null = null;
  quietly(() => {
    identity = asIdentity(JSON.parse(readTextOrNull(daemonFile(base)) ?? 'null'));
  });
  const left = identity === null ? 0 : await endLeader(identity, graceMs, clock);
  forgetDaemon(base);
  return left;
}

async function endLeader(leader: ProcessIdentity, graceMs: number, clock: Clock): Promise<number> {
  const members = groupMembers(leader);
  if (!members.includes(leader.pid)) return endGroup(leader, 500, clock);
  signalTo(leader.pid, 'SIGTERM');
  const until = clock.nowMs() + graceMs;
  while (groupMembers(leader).includes(leader.pid) && clock.nowMs() < until) await clock.sleep(20);
  await endGroup(leader, 500, clock);
  return members.length;
}

/** The daemon is gone, and so is the note of it. */
export function forgetDaemon(base: string): void {
  quietly(() => removeDurable(daemonFile(base)));
}

/** run/last-exit.json, for the evidence of a rollback. */
export function noteExit(base: string, daemon: Daemon, exit: Exit, clock: Clock): void {
  const upMs = clock.nowMs() - daemon.startedAtMs;
  quietly(() => {
    const { release, pid } = daemon;
    writeJsonAtomic(nodePaths(base).lastExit, { release, pid, ...exit, upMs, at: clock.wallIso() });
  });
}
