/**
 * Who goes first on a host where several want to: the Raft member, then everything else, then what prepares an update.
 * Linux keeps a nice value for each thread and, where autogroups are on, one for each session, which counts between
 * sessions. Nothing here throws: without the right to it, or without /proc, everything runs as it did.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { readStat } from './boot.ts';

/** Before all else: a member that waits for a core makes every writer of the cluster wait. Needs root. */
export const memberNice = -10;
/** For what has all the time in the world: a look at what lies on the disk. */
export const idleNice = 19;
/** For verbs, transfers and self-tests: they run beside etcd and the daemon, and have time. */
export const verbNice = 10;

/** Gives every thread of the process this nice value, and its session too when it leads one. Later threads inherit it. */
export function setNice(pid: number, nice: number): void {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), nice);
    if (readStat(pid)?.session === pid) writeFileSync(`/proc/${pid}/autogroup`, String(nice));
  } catch {
    // Not allowed, no such file, or the process is gone.
  }
}

/** As `setNice` for the member of this daemon; the daemon's session follows where it is the daemon's own. */
export function putMemberFirst(pid: number): void {
  setNice(pid, memberNice);
  try {
    if (readStat(pid)?.session === process.pid) writeFileSync('/proc/self/autogroup', String(memberNice));
  } catch {
    // As above.
  }
}
