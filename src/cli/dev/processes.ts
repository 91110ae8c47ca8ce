/** What of a local cluster runs, asked of the machine itself: sockets, and /proc. Never a pid that a file remembers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { nodePaths } from '../../base/paths.ts';
import { createSupervisorClient } from '../../host/managers/supervisor/manager.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DevNode } from './layout.ts';

/** The supervisor has to stop a daemon, which has 10 s, before it ends; then its group is killed. */
const stopWaitMs = 20_000;
const killWaitMs = 3_000;

export interface Supervised {
  nodeId: string;
  child: ChildProcess;
  /** How it ended, once it did. */
  ended: string | null;
}

function supervisorLog(node: DevNode): string {
  return join(nodePaths(node.base).log, 'supervisor.log');
}

/**
 * Starts the supervisor of one node, in a session of its own: it outlives this process and its terminal. It runs from
 * the known-good release, as everything that watches over a trial does (P3).
 */
export function startSupervisor(node: DevNode, execPath: string, env: Record<string, string | undefined>): Supervised {
  const paths = nodePaths(node.base);
  mkdirSync(paths.log, { recursive: true });
  const release = existsSync(join(paths.distBak, 'index.js')) ? paths.distBak : paths.dist;
  const log = openSync(supervisorLog(node), 'a');
  try {
    const argv = [join(release, 'index.js'), 'supervise', '--config', join(node.base, 'config.yaml')];
    const child = spawn(execPath, argv, { cwd: node.base, env, detached: true, stdio: ['ignore', log, log] });
    const supervised: Supervised = { nodeId: node.nodeId, child, ended: null };
    child.once('error', (error) => {
      supervised.ended = error.message;
    });
    child.once('exit', (code, signal) => {
      supervised.ended = signal ?? `exit code ${code}`;
    });
    child.unref();
    return supervised;
  } finally {
    closeSync(log);
  }
}

/** Does a supervisor of this base answer? */
export async function isSupervised(node: DevNode): Promise<boolean> {
  return createSupervisorClient(node.base, 2000)
    .status()
    .then(
      () => true,
      () => false,
    );
}

/**
 * Has every node stopped and waits until its processes are gone. What did not end in time, or has no supervisor any
 * more, is ended by what /proc says it is. Returns what had to be ended like that, in words.
 */
export async function stopNodes(nodes: DevNode[], clock: Clock): Promise<string[]> {
  await Promise.all(
    nodes.map((node) =>
      createSupervisorClient(node.base, 5000)
        .stop()
        .catch(() => undefined),
    ),
  );
  const supervised = await waitUntil(clock, stopWaitMs, async () => {
    const answers = await Promise.all(nodes.map(isSupervised));
    return !answers.includes(true) && nodes.flatMap(supervisorsOf).length === 0;
  });
  const left = nodes.flatMap(processesOf);
  const said = left.map(({ pid, argv }) => `${pid}: ${argv.join(' ')}`);
  for (const { pid } of left) signal(pid, supervised ? 'SIGTERM' : 'SIGKILL');
  if (left.length > 0 && !(await waitUntil(clock, killWaitMs, () => nodes.flatMap(processesOf).length === 0))) {
    for (const { pid } of nodes.flatMap(processesOf)) signal(pid, 'SIGKILL');
    await waitUntil(clock, killWaitMs, () => nodes.flatMap(processesOf).length === 0);
  }
  return said;
}

async function waitUntil(clock: Clock, atMostMs: number, done: () => boolean | Promise<boolean>): Promise<boolean> {
  const until = clock.nowMs() + atMostMs;
  for (;;) {
    if (await done()) return true;
    if (clock.nowMs() >= until) return false;
    await clock.sleep(50);
  }
}

interface Found {
  pid: number;
  argv: string[];
}

/** Supervisor, daemon and etcd of a node, by their command lines; nothing else that happens to name the directory. */
export function processesOf(node: DevNode): Found[] {
  const config = join(node.base, 'config.yaml');
  const data = join(nodePaths(node.base).data, 'etcd');
  return commandLines().filter(({ argv }) => {
    const isEtcd = basename(argv[0] ?? '') === 'etcd';
    if (isEtcd)
      return argv.some((word) => word === data || word === `--data-dir=${data}` || word.startsWith(data + sep));
    const verb = argv.includes('daemon') || argv.includes('supervise');
    return verb && argv[argv.indexOf('--config') + 1] === config;
  });
}

function supervisorsOf(node: DevNode): Found[] {
  return processesOf(node).filter(({ argv }) => argv.includes('supervise'));
}

function commandLines(): Found[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), argv: argvOf(name) }))
    .filter(({ argv }) => argv.length > 0);
}

function argvOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}

/** The directory under one name, whichever link leads to it, whether or not it is there yet: command lines are compared with it. */
export function canonical(dir: string): string {
  try {
    return realpathSync(dir);
  } catch {
    const parent = dirname(dir);
    return parent === dir ? dir : join(canonical(parent), basename(dir));
  }
}
