/** What runs on this machine, from /proc: who uses a directory, how much memory, how much CPU. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { identify, readStat, statFields } from '../../src/base/boot.ts';

export interface ProcessInfo {
  pid: number;
  argv: string[];
}

/** CPU time and starting time in /proc are counted in ticks of 10 ms on every Linux that Node runs on. */
const tickMs = 10;

/** Every process, but this one, whose arguments or working directory lie in `dir`, or whose environment names it. */
export function processesUsing(dir: string): ProcessInfo[] {
  return pids()
    .filter((pid) => pid !== process.pid)
    .filter((pid) =>
      [read(pid, 'cmdline'), workingDirectory(pid), read(pid, 'environ')].some((text) => text.includes(dir)),
    )
    .map((pid) => ({ pid, argv: argvOf(pid) }))
    .filter(({ argv }) => argv.length > 0); // a zombie has none: it has ended, and waits for its parent
}

/** The daemon of one node: `node <base>/dist/index.js daemon --config …`; undefined while there is none. */
export function daemonOf(base: string): ProcessInfo | undefined {
  return find((argv) => argv.includes('daemon') && argv.some((word) => word.startsWith(`${base}/`)));
}

/** The etcd member of one node. */
export function etcdOf(base: string): ProcessInfo | undefined {
  return find((argv) => /(^|\/)etcd$/.test(argv[0] ?? '') && argv.some((word) => word.includes(`${base}/`)));
}

/** Resident memory in bytes; 0 when the process is gone. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(pid, 'status'))?.[1] ?? 0) * 1024;
}

/** CPU time used so far by the process itself (user and system), in ms. */
export function cpuMs(pid: number): number {
  const [user = 0, system = 0] = (statFields(pid) ?? []).slice(11, 13).map(Number);
  return (user + system) * tickMs;
}

/** When the process began (its fork or the exec of its program share this), on the scale of CLOCK_MONOTONIC, in ms. */
export function startedAtMs(pid: number): number {
  return Number(readStat(pid)?.startTime ?? 0) * tickMs;
}

function find(fits: (argv: string[]) => boolean): ProcessInfo | undefined {
  for (const pid of pids()) {
    const argv = argvOf(pid);
    if (fits(argv)) return { pid, argv };
  }
  return undefined;
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Does it run? One of which only the remains are there does not. */
export const alive = (pid: number): boolean => identify(pid) !== null;

function argvOf(pid: number): string[] {
  return read(pid, 'cmdline').split('\0').filter(Boolean);
}

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** '' when the process is gone, or not ours to look at. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
