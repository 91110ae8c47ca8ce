/** Old updates go, with their events. */
import { keys } from '../../base/store-keys.ts';
import type { Op, Store } from '../../ports/store.ts';

/** Ended updates whose record and events are kept. */
const keepUpdates = 50;
/** Of one transaction: etcd takes 128 by default. */
const mostRemovals = 100;

/** Removes the oldest updates, each with its events first: a record without events is whole, the other way round it is not. */
export async function pruneUpdates(store: Store): Promise<void> {
  const all = await store.list(keys.updates, { keysOnly: true });
  const ids = all.map((kv) => kv.key.slice(keys.updates.length)).sort();
  for (const id of ids.slice(0, Math.max(0, ids.length - keepUpdates))) {
    const events = await store.list(keys.events(id), { keysOnly: true });
    const removals: Op[] = events.map((kv) => ({ remove: kv.key }));
    for (let at = 0; at < removals.length; at += mostRemovals)
      await store.txn([], removals.slice(at, at + mostRemovals));
    await store.txn([], [{ remove: keys.updateRecord(id) }]);
  }
}
