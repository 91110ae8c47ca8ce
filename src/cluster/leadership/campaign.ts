/** A leadership that nobody has is taken, by a node that may, and at first by the one whose member leads the Raft group. */
import type { Clock } from '../../ports/clock.ts';
import type { Lease, Store } from '../../ports/store.ts';
import { change, readLeader, type Seen, take } from './leader-keys.ts';
import type { Standing } from './standing.ts';

export interface CampaignOptions {
  store: Store;
  clock: Clock;
  nodeId: string;
  /** The node's one lease (heartbeat.lease). */
  lease(): Lease | null;
  /** May this node lead now? Healthy, not draining, not on its way out. Default: yes. */
  mayCampaign?(): boolean | Promise<boolean>;
  /** nodeId of the Raft leader, null for unknown: another node lets that one campaign first. Default: unknown. */
  raftLeader?(): Promise<string | null>;
  /** How long it lets it, ms. Default 500. */
  yieldMs?: number;
}

/** Is there a leadership to take? A key that an earlier run of this very node left is ours to replace. */
export function isFree(seen: Seen, { nodeId, lease }: Pick<CampaignOptions, 'nodeId' | 'lease'>): boolean {
  return (
    seen.leaderKv === null ||
    seen.leader === null ||
    (seen.leader.node === nodeId && seen.leaderKv.leaseId !== lease()?.id)
  );
}

export async function campaign(
  options: CampaignOptions,
  standing: Standing,
  first: Seen,
  stopping: AbortSignal,
): Promise<void> {
  const { store, clock, nodeId, yieldMs = 500 } = options;
  if (standing.resigned() || !options.lease() || !((await options.mayCampaign?.()) ?? true)) return;
  const raftLeader = (await options.raftLeader?.().catch(() => null)) ?? null;
  let seen = first;
  if (raftLeader !== null && raftLeader !== nodeId) {
    await clock.sleep(yieldMs, stopping);
    seen = await readLeader(store);
    if (!isFree(seen, options)) return standing.note(seen);
  }
  const lease = options.lease();
  if (!lease || standing.resigned() || stopping.aborted) return;
  const epoch = seen.epoch + 1;
  await store.txn(change(seen), take(nodeId, epoch, lease.id));
  standing.note(await readLeader(store));
}
