/** The two keys that say who leads: the leader's, on its node's lease, and the epoch, which outlives it. */
import { parseAs } from '../../base/parse-as.ts';
import { keys } from '../../base/store-keys.ts';
import { type LeaderRecord, leaderRecordSchema } from '../../members/records.ts';
import type { Compare, KeyValue, Op, Store } from '../../ports/store.ts';

/** The leader and epoch keys as read. */
export interface Seen {
  leader: LeaderRecord | null;
  leaderKv: KeyValue | null;
  epoch: number;
  epochRevision: number;
}

/** Linearizable, one key after the other. Throws ClusterError 'unavailable'. */
export async function readLeader(store: Store): Promise<Seen> {
  // The epoch first: if it changed in between, the transaction that compares both fails, and we read again.
  const epochKv = await store.get(keys.epoch);
  const leaderKv = await store.get(keys.leader);
  const leader = parseLeader(leaderKv);
  const epoch = Math.max(parseEpoch(epochKv), leader?.epoch ?? 0);
  return { leader, leaderKv, epoch, epochRevision: epochKv?.modRevision ?? 0 };
}

export function parseLeader(kv: KeyValue | null): LeaderRecord | null {
  const parsed = kv && parseAs(kv.value, leaderRecordSchema);
  return parsed && 'value' in parsed ? parsed.value : null;
}

export function parseEpoch(kv: KeyValue | null): number {
  const stored = Number(kv?.value ?? 0);
  return Number.isSafeInteger(stored) ? stored : 0;
}

export const leaderValue = (node: string, epoch: number): string =>
  JSON.stringify({ node, epoch } satisfies LeaderRecord);

/** Nothing about the leadership changed since it was read. */
export function change(seen: Seen): Compare[] {
  return [
    { key: keys.leader, modRevision: seen.leaderKv?.modRevision ?? 0 },
    { key: keys.epoch, modRevision: seen.epochRevision },
  ];
}

/** `node` leads from now on, under `epoch`, for as long as that lease lives. */
export function take(node: string, epoch: number, leaseId: string): Op[] {
  return [
    { put: keys.leader, value: leaderValue(node, epoch), leaseId },
    { put: keys.epoch, value: String(epoch) },
  ];
}
