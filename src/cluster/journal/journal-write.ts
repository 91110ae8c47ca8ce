/** One transaction: a change of the record, the lines of its story, and all that must be true with it or not at all (P5, P10). */
import { keys } from '../../base/store-keys.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Compare, Op, Store } from '../../ports/store.ts';
import type { Change } from '../update/change.ts';
import type { UpdateEvent } from '../update/event.ts';
import { refuseUnspoken } from '../update/features.ts';
import { isEnded, type UpdateRecord } from '../update/record.ts';
import { releaseOps } from './committed-release.ts';
import { quarantineInRecord } from './quarantine.ts';
import type { Current } from './running-record.ts';

export interface WriteDeps {
  store: Store;
  clock: Clock;
  selfNodeId: string;
}

/** The record that a change leaves, and the writes of its events, numbered on from `before`. */
export function numbered(
  { clock, selfNodeId }: WriteDeps,
  change: Change,
  before: UpdateRecord,
): { record: UpdateRecord; ops: Op[] } {
  refuseUnspoken(change.record); // P11
  let lastEvent = before.lastEvent;
  const ops: Op[] = [];
  const at = clock.wallIso();
  for (const draft of change.events) {
    lastEvent += 1;
    const by = selfNodeId;
    const { epoch } = change.record;
    const event: UpdateEvent = { ...draft, number: lastEvent, updateId: before.id, at, by, epoch };
    ops.push({ put: keys.event(before.id, lastEvent), value: JSON.stringify(event) });
  }
  return { record: { ...change.record, lastEvent, endedAt: isEnded(change.record) ? at : '' }, ops };
}

/** null: somebody else was faster. */
export async function writeChange(
  deps: WriteDeps,
  before: Current,
  change: Change,
  fences: Compare[],
): Promise<UpdateRecord | null> {
  const { store, clock } = deps;
  const { record, ops } = numbered(deps, change, before.record);
  const main: Op[] = isEnded(record)
    ? [
        { remove: keys.update },
        { put: keys.updateRecord(record.id), value: JSON.stringify(record) },
        ...(await releaseOps(store, clock, record)),
      ]
    : [{ put: keys.update, value: JSON.stringify(record) }];
  const compares = [...fences, { key: keys.update, modRevision: before.kv.modRevision }];
  if (change.quarantine !== null) {
    const blamed = await quarantineInRecord(store, clock, record, change.quarantine); // P10
    main.push(...blamed.ops);
    compares.push(...blamed.compares);
  }
  return (await store.txn(compares, [...main, ...ops])) ? record : null;
}
