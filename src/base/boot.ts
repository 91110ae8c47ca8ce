/** This boot and its processes, as /proc tells them. Node builtins only: the guard reads here. */
import { readdirSync, readFileSync } from 'node:fs';

/** Changes with every boot of the host; '' where /proc does not tell (then every boot looks like the same one). */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** CLOCK_MONOTONIC in whole milliseconds: the same clock as the Clock port's, for programs that have no ports. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** A process that can be told from a later one with the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  startTime: string;
  bootId: string;
}

/** What /proc/PID/stat says of a process. */
export interface Stat {
  /** One letter; Z and X: only its remains are there. */
  state: string;
  group: number;
  /** Process id of the leader of its session. */
  session: number;
  startTime: string;
}

/**
 * The fields of /proc/PID/stat from the state, the third one, on; null: there is no such process. The command name may hold
 * spaces and parentheses, so fields count from the last `)`.
 */
export function statFields(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** What /proc/PID/stat says; null: there is no such process. */
export function readStat(pid: number): Stat | null {
  const fields = statFields(pid);
  if (fields === null) return null;
  const [state, , group, session] = fields;
  const startTime = fields[19];
  if (state === undefined || group === undefined || startTime === undefined) return null;
  return { state, group: Number(group), session: Number(session), startTime };
}

/** Who a pid is now; null when there is no such process, or only its remains (zombie). */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readStat(pid);
  if (stat === null || stat.state === 'Z' || stat.state === 'X') return null;
  return { pid, startTime: stat.startTime, bootId: readBootId() };
}

/** Is this very process, and no later one with its number, still running? */
export function isSameProcess(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== null && now.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** A parsed JSON value as a ProcessIdentity, or null. */
export function asIdentity(value: unknown): ProcessIdentity | null {
  if (typeof value !== 'object' || value === null) return null;
  const { pid, startTime, bootId } = value as Record<string, unknown>;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return null;
  if (typeof startTime !== 'string' || typeof bootId !== 'string') return null;
  return { pid, startTime, bootId };
}

/**
 * The living members of a process group that a process with this identity led. Members started before it belong to
 * somebody else's group of the same number and are left out.
 */
export function groupMembers(leader: ProcessIdentity): number[] {
  // Group 0 is the kernel's, or that of whoever started this container; group 1 is init's. Neither is ever ours.
  if (leader.pid < 2 || leader.bootId !== readBootId()) return [];
  const nowLeader = identify(leader.pid);
  if (nowLeader !== null && nowLeader.startTime !== leader.startTime) return [];
  const members: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat === null || stat.group !== leader.pid || stat.state === 'Z' || stat.state === 'X') continue;
    if (BigInt(stat.startTime) >= BigInt(leader.startTime)) members.push(Number(name));
  }
  return members;
}
