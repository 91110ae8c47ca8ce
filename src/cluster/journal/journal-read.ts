/** What the store keeps of updates: the one that runs, those that ended, and the story of each. */
import { keys } from '../../base/store-keys.ts';
import { ClusterError } from '../../errors.ts';
import type { Store } from '../../ports/store.ts';
import type { UpdateSummary } from '../control/control-api.ts';
import type { UpdateEvent } from '../update/event.ts';
import type { UpdateRecord } from '../update/record.ts';
import { parseUpdateEvent, parseUpdateRecord } from './record-schema.ts';
import { readRunning, unlessUnreadable } from './running-record.ts';
import { summaryOf } from './summaries.ts';

/** null: there is none. Throws 'operator-needed' when it may be the running one, which this build cannot read. */
export async function readUpdate(deps: { store: Store; selfNodeId: string }, id: string): Promise<UpdateRecord | null> {
  const running = await readRunning(deps).catch(unlessUnreadable);
  if (running !== null && !(running instanceof ClusterError) && running.record.id === id) return running.record;
  const kv = await deps.store.get(keys.updateRecord(id));
  if (kv !== null) return parseUpdateRecord(kv.value);
  if (running instanceof ClusterError) throw running; // It may be the one that was asked for.
  return null;
}

/** The newest first; limit 0: all. */
export async function listUpdates(store: Store, limit: number): Promise<UpdateSummary[]> {
  const running = await store.get(keys.update);
  const ended = (await store.list(keys.updates)).map((kv) => summaryOf(kv.value, kv.key.slice(keys.updates.length)));
  ended.sort((one, two) => (one.id < two.id ? 1 : -1));
  const all = [...(running === null ? [] : [summaryOf(running.value, '')]), ...ended];
  return all.slice(0, limit > 0 ? limit : undefined);
}

/** Those after number `after`. */
export async function readEvents(store: Store, id: string, after: number): Promise<UpdateEvent[]> {
  const kvs = await store.list(keys.events(id), { after: keys.event(id, after) });
  return kvs.map((kv) => parseUpdateEvent(kv.value)).filter((event) => event.number > after);
}
