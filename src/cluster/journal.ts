/**
 * The update's record in the replicated store. Every write compares the record's revision and the epoch in one
 * transaction: what a former leader writes is refused (P6), and nothing is written over what somebody else changed (P5).
 * A record that this build cannot read is never written over: another build's leader may go on from it (P11).
 *
 * Beside it: quarantine.ts, committed-release.ts (both have their part in its transactions), summaries.ts, prune-updates.ts.
 */

import { keys } from '../base/store-keys.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Compare, KeyValue, Op, Store } from '../ports/store.ts';
import { type ByHand, heldByHand, readByHand } from './by-hand.ts';
import { type CommittedRelease, readCommittedRelease, releaseOps } from './committed-release.ts';
import type { UpdateSummary } from './control-api.ts';
import { pruneUpdates } from './prune-updates.ts';
import { createQuarantine, type Quarantine, quarantineInRecord } from './quarantine.ts';
import { parseUpdateEvent, parseUpdateRecord } from './record-schema.ts';
import { summaryOf } from './summaries.ts';
import type { Change } from './update/change.ts';
import type { UpdateEvent } from './update/event.ts';
import type { UpdateRecord } from './update/record.ts';
import { isEnded } from './update/record.ts';

export interface Journal extends Quarantine {
  /** The update that runs. Throws 'operator-needed' when this build cannot read its record; so do all that need it. */
  current(): Promise<UpdateRecord | null>;
  /** Begins an update. Throws 'update-running' (with whose), 'quorum-unsafe' (a voter is out by hand) or 'stale-epoch'. */
  create(record: UpdateRecord, text: string): Promise<UpdateRecord>;
  /**
   * Applies `change` to the record as it is now and writes it, as the leader of `epoch`. When an operator's request
   * came in between, it is applied again to what that left. Throws 'stale-epoch' when another one leads.
   */
  change(id: string, epoch: number, change: (record: UpdateRecord) => Change): Promise<UpdateRecord>;
  /** An operator's wish, from any node: no epoch, compare-and-swap only. Throws 'not-found' when it does not run. */
  request(id: string, change: (record: UpdateRecord) => Change): Promise<UpdateRecord>;
  get(id: string): Promise<UpdateRecord | null>;
  list(limit: number): Promise<UpdateSummary[]>;
  events(id: string, after: number): Promise<UpdateEvent[]>;
  committedRelease(): Promise<CommittedRelease | null>;
  /** Who is out of service by hand: no update begins beside it (P1). */
  byHand(): Promise<ByHand | null>;
}

/** The record of the running update, and its key as read. */
interface Current {
  record: UpdateRecord;
  kv: KeyValue;
}

export function createJournal(store: Store, clock: Clock, selfNodeId: string, logger: Logger): Journal {
  const readCurrent = async (): Promise<Current | null> => {
    const kv = await store.get(keys.update);
    return kv === null ? null : { record: parseRunning(kv.value, selfNodeId), kv };
  };
  const fence = (epoch: number): Promise<Compare> => fenceOf(store, epoch, selfNodeId);

  const number = (change: Change, before: UpdateRecord): { record: UpdateRecord; ops: Op[] } => {
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
  };

  /** null: somebody else was faster. */
  const write = async (before: Current, change: Change, fences: Compare[]): Promise<UpdateRecord | null> => {
    const { record, ops } = number(change, before.record);
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
  };

  const mustRun = (current: Current | null, id: string): Current => {
    if (current !== null && current.record.id === id) return current;
    throw new ClusterError('not-found', `update ${id} does not run`, { next: `\`claudecluster updates show ${id}\`` });
  };

  /** A record that our successor has moved on takes no step of ours any more: that is no fault of the step (P6). */
  const changed = async (record: UpdateRecord, epoch: number, change: (record: UpdateRecord) => Change) => {
    try {
      return change(record);
    } catch (fault) {
      await fence(epoch);
      throw fault;
    }
  };

  return {
    current: async () => (await readCurrent())?.record ?? null,

    create: async (record, text) => {
      const fenced = await fence(record.epoch);
      const started = number({ record, events: [{ kind: 'started', nodeId: null, text }], quarantine: null }, record);
      const put: Op = { put: keys.update, value: JSON.stringify(started.record) };
      const free = [keys.update, keys.byHand].map((key): Compare => ({ key, modRevision: 0 })); // P1
      if (await store.txn([fenced, ...free], [put, ...started.ops])) {
        // The update has begun, whatever becomes of the old ones: they go with the next one.
        await pruneUpdates(store).catch((thrown) => {
          logger.warn({ err: asClusterError(thrown).toJSON() }, 'old updates are not removed');
        });
        return started.record;
      }
      await fence(record.epoch);
      const running = (await readCurrent())?.record;
      const held = running === undefined ? await readByHand(store) : null;
      throw held === null ? alreadyRuns(running) : heldByHand(held);
    },

    change: async (id, epoch, change) => {
      for (;;) {
        const fenced = await fence(epoch);
        const current = await readCurrent();
        // Gone or another one: ended by the leader that came after us, unless it is still us who lead.
        if (current?.record.id !== id) await fence(epoch);
        const before = mustRun(current, id);
        const written = await write(before, await changed(before.record, epoch, change), [fenced]);
        if (written !== null) return written;
      }
    },

    request: async (id, change) => {
      for (;;) {
        const before = mustRun(await readCurrent(), id);
        const written = await write(before, change(before.record), []);
        if (written !== null) return written;
      }
    },

    get: async (id) => {
      const running = await readCurrent().catch(unlessUnreadable);
      if (running !== null && !(running instanceof ClusterError) && running.record.id === id) return running.record;
      const kv = await store.get(keys.updateRecord(id));
      if (kv !== null) return parseUpdateRecord(kv.value);
      if (running instanceof ClusterError) throw running; // It may be the one that was asked for.
      return null;
    },

    list: async (limit) => {
      const running = await store.get(keys.update);
      const ended = (await store.list(keys.updates)).map((kv) =>
        summaryOf(kv.value, kv.key.slice(keys.updates.length)),
      );
      ended.sort((one, two) => (one.id < two.id ? 1 : -1));
      const all = [...(running === null ? [] : [summaryOf(running.value, '')]), ...ended];
      return all.slice(0, limit > 0 ? limit : undefined);
    },

    events: async (id, after) => {
      const kvs = await store.list(keys.events(id), { after: keys.event(id, after) });
      return kvs.map((kv) => parseUpdateEvent(kv.value)).filter((event) => event.number > after);
    },

    committedRelease: () => readCommittedRelease(store),
    byHand: () => readByHand(store),
    ...createQuarantine(store, fence),
  };
}

/** The compare that holds only while nobody led after `epoch` (P6). */
async function fenceOf(store: Store, epoch: number, selfNodeId: string): Promise<Compare> {
  const kv = await store.get(keys.epoch);
  const seen = kv === null ? 0 : Number(kv.value);
  if (kv === null || seen !== epoch) {
    throw new ClusterError('stale-epoch', `${selfNodeId} acts for epoch ${epoch}, the cluster is at ${seen}`, {
      nodeId: selfNodeId,
      seen: `epoch ${epoch}`,
      wanted: `epoch ${seen}`,
      next: 'nothing: the present leader goes on',
    });
  }
  return { key: keys.epoch, modRevision: kv.modRevision };
}

/** It is not for this build to end or to change what it cannot read: that is said, and left to people. */
function parseRunning(text: string, selfNodeId: string): UpdateRecord {
  try {
    return parseUpdateRecord(text);
  } catch (thrown) {
    const { message, detail } = asClusterError(thrown);
    throw new ClusterError(
      'operator-needed',
      `an update runs whose record the build on ${selfNodeId} cannot read`,
      {
        nodeId: selfNodeId,
        seen: detail.seen ?? message,
        wanted: 'a record that this build knows',
        next: `have a node lead that runs the build which wrote it: restart the daemon of the leader, see \`claudecluster status\`. A node on trial goes back by itself meanwhile. What no build can read: docs/operating.md, "A record that cannot be read"`,
      },
      thrown,
    );
  }
}

function unlessUnreadable(thrown: unknown): ClusterError {
  const error = asClusterError(thrown);
  if (error.code !== 'operator-needed') throw error;
  return error;
}

function alreadyRuns(running: UpdateRecord | undefined): ClusterError {
  return new ClusterError('update-running', `update ${running?.id ?? ''} runs already`, {
    seen: running === undefined ? 'an update' : `${running.id}, by ${running.startedBy}, since ${running.startedAt}`,
    wanted: 'no other update',
    next: `\`claudecluster updates watch ${running?.id ?? ''}\``,
  });
}
