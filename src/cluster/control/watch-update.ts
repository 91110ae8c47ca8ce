/** The update that is meant, and its story as it goes on. */
import { keys } from '../../base/store-keys.ts';
import { ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Store } from '../../ports/store.ts';
import type { Journal } from '../journal/journal.ts';
import type { UpdateEvent } from '../update/event.ts';
import { isEnded, type UpdateRecord } from '../update/record.ts';

/** A watch reads again after this long even without a hint, ms. */
const rereadMs = 1_000;

export interface WatchDeps {
  store: Store;
  journal: Journal;
  clock: Clock;
}

/** '' is the running update, or else the last one. */
export async function resolveId(journal: Journal, updateId: string): Promise<string> {
  if (updateId !== '') return updateId;
  const id = (await journal.current())?.id ?? (await journal.list(1))[0]?.id;
  if (id === undefined)
    throw new ClusterError('not-found', 'there was no update yet', { next: '`claudecluster update`' });
  return id;
}

/** Throws 'not-found'. */
export async function getUpdate(journal: Journal, updateId: string): Promise<UpdateRecord> {
  const id = await resolveId(journal, updateId);
  const record = await journal.get(id);
  if (record !== null) return record;
  throw new ClusterError('not-found', `there is no update ${id}`, { seen: id, next: '`claudecluster updates list`' });
}

/** The events after number `after`, as they come, until the update has ended. */
export async function* watchUpdate(
  { store, journal, clock }: WatchDeps,
  updateId: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<UpdateEvent> {
  const id = (await getUpdate(journal, updateId)).id;
  let hint = new AbortController();
  const wake = (): void => hint.abort();
  signal.addEventListener('abort', wake);
  const watcher = await store.watch(keys.events(id), wake);
  try {
    let last = after;
    while (!signal.aborted) {
      hint = new AbortController();
      // Watches are hints: what was written is read again.
      for (const event of await journal.events(id, last)) {
        yield event;
        last = event.number;
        if (event.kind === 'ended') return;
      }
      // Events may have been pruned, or the last one seen before: the record says whether more will come.
      const record = await journal.get(id);
      if (record === null || (isEnded(record) && last >= record.lastEvent)) return;
      await clock.sleep(rereadMs, hint.signal);
    }
  } finally {
    signal.removeEventListener('abort', wake);
    await watcher.close();
  }
}
