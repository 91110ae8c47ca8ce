/** Finding and ending processes of etcd by what they are, never by a bare pid. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../../ports/clock.ts';

export interface ProcessId {
  pid: number;
  /** Clock ticks after boot at which it started (/proc/PID/stat, field 22): a reused pid has another one. */
  startTime: string;
}

/** The process's identity; null: there is none with that pid, or it is a zombie. */
export function processId(pid: number): ProcessId | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name stands in brackets and may hold anything; the fields begin after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTime = fields[19];
    if (fields[0] === 'Z' || startTime === undefined) return null;
    return { pid, startTime };
  } catch {
    return null;
  }
}

/** Processes that run etcd on this data directory, whoever started them. */
export function findEtcdOf(dataDir: string): ProcessId[] {
  const found: ProcessId[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    let argv: string[];
    try {
      argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      continue; // It ended while we looked.
    }
    if (!argv.includes(`--data-dir=${dataDir}`) || !argv.some((word) => word.startsWith('--initial-cluster-state='))) {
      continue;
    }
    const id = processId(pid);
    if (id) found.push(id);
  }
  return found;
}

const isSame = (id: ProcessId): boolean => processId(id.pid)?.startTime === id.startTime;

function send(id: ProcessId, signal: NodeJS.Signals): void {
  if (!isSame(id)) return;
  try {
    process.kill(id.pid, signal);
  } catch {
    // It is gone, which is what was wanted; or not ours, and the wait says so.
  }
}

/** SIGTERM, then SIGKILL after `graceMs`. True when it is gone. */
export async function endProcess(id: ProcessId, clock: Clock, graceMs: number): Promise<boolean> {
  send(id, 'SIGTERM');
  // A stopped process takes no SIGTERM before it goes on.
  send(id, 'SIGCONT');
  if (await goneWithin(id, clock, graceMs)) return true;
  send(id, 'SIGKILL');
  return goneWithin(id, clock, 2_000);
}

async function goneWithin(id: ProcessId, clock: Clock, ms: number): Promise<boolean> {
  const endsAtMs = clock.nowMs() + ms;
  while (isSame(id)) {
    if (clock.nowMs() >= endsAtMs) return false;
    await clock.sleep(20);
  }
  return true;
}
