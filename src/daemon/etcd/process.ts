/** Finding and ending processes of etcd by what they are, never by a bare pid. */
import { readdirSync, readFileSync } from 'node:fs';
import { identify, isSameProcess, type ProcessIdentity } from '../../base/boot.ts';
import type { Clock } from '../../ports/clock.ts';

/** Processes that run etcd on this data directory, whoever started them. */
export function findEtcdOf(dataDir: string): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
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
    const id = identify(pid);
    if (id) found.push(id);
  }
  return found;
}

function send(id: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isSameProcess(id)) return;
  try {
    process.kill(id.pid, signal);
  } catch {
    // It is gone, which is what was wanted; or not ours, and the wait says so.
  }
}

/** SIGTERM, then SIGKILL after `graceMs`. True when it is gone. */
export async function endProcess(id: ProcessIdentity, clock: Clock, graceMs: number): Promise<boolean> {
  send(id, 'SIGTERM');
  // A stopped process takes no SIGTERM before it goes on.
  send(id, 'SIGCONT');
  if (await goneWithin(id, clock, graceMs)) return true;
  send(id, 'SIGKILL');
  return goneWithin(id, clock, 2_000);
}

async function goneWithin(id: ProcessIdentity, clock: Clock, ms: number): Promise<boolean> {
  const endsAtMs = clock.nowMs() + ms;
  while (isSameProcess(id)) {
    if (clock.nowMs() >= endsAtMs) return false;
    await clock.sleep(20);
  }
  return true;
}
