/** What the cluster runs: the release that an update committed on all its nodes, and those that it has left behind. */
import { keys } from '../../base/store-keys.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Op, Store } from '../../ports/store.ts';
import type { UpdateRecord } from '../update/record.ts';

/** Former releases of the cluster that are remembered. */
const keepHistory = 20;

export interface CommittedRelease {
  buildHash: string;
  previous: string | null;
  /** What the cluster ran before, oldest first: a node on one of these missed an update. */
  history: string[];
  at: string;
}

/** null: no update has been committed yet. */
export async function readCommittedRelease(store: Store): Promise<CommittedRelease | null> {
  const kv = await store.get(keys.release);
  return kv === null ? null : (JSON.parse(kv.value) as CommittedRelease);
}

/** What an update that ends now makes of it: nothing, unless it was committed on all the nodes that it could reach. */
export async function releaseOps(store: Store, clock: Clock, record: UpdateRecord): Promise<Op[]> {
  if (record.outcome !== 'committed' || record.partial || record.kind !== 'update') return [];
  const before = await readCommittedRelease(store);
  const release: CommittedRelease = {
    buildHash: record.target.buildHash,
    previous: before?.buildHash ?? record.tasks.find((task) => task.from !== null)?.from?.buildHash ?? null,
    history: historyOf(before, record),
    at: clock.wallIso(),
  };
  return [{ put: keys.release, value: JSON.stringify(release) }];
}

/** Releases that the cluster has left behind, the one that it goes to now not among them. */
function historyOf(before: CommittedRelease | null, record: UpdateRecord): string[] {
  const left = record.tasks.flatMap((task) => (task.from === null ? [] : [task.from.buildHash]));
  const all = [...(before?.history ?? []), ...(before === null ? [] : [before.buildHash]), ...left];
  return [...new Set(all)].filter((hash) => hash !== record.target.buildHash).slice(-keepHistory);
}
