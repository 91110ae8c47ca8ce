/**
 * The update's record in the replicated store. Every write compares the record's revision and the epoch in one
 * transaction: what a former leader writes is refused (P6), and nothing is written over what somebody else changed (P5).
 */

import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Compare, KeyValue, Op, Store } from '../ports/store.ts';
import { type ByHand, heldByHand, readByHand } from './by-hand.ts';
import type { UpdateSummary } from './control-api.ts';
import { parseEvent, parseRecord } from './record-schema.ts';
import { type Change, isEnded } from './update/record.ts';
import type { Failure, UpdateEvent, UpdateRecord } from './update/types.ts';

/** Former releases of the cluster that are remembered. */
const keepHistory = 20;
/** Ended updates whose record and events are kept. */
const keepUpdates = 50;

export interface QuarantineEntry {
  buildHash: string;
  why: string;
  at: string;
  by: string;
  evidence: Failure | null;
}

export interface CommittedRelease {
  buildHash: string;
  previous: string | null;
  /** What the cluster ran before, oldest first: a node on one of these missed an update. */
  history: string[];
  at: string;
}

export interface Journal {
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
  quarantine(hash: string): Promise<QuarantineEntry | null>;
  quarantined(): Promise<QuarantineEntry[]>;
  setQuarantine(entry: QuarantineEntry | { buildHash: string; lift: true }): Promise<void>;
  committedRelease(): Promise<CommittedRelease | null>;
  /** Who is out of service by hand: no update begins beside it (P1). */
  byHand(): Promise<ByHand | null>;
}

/** Releases that the cluster has left behind, the one that it goes to now not among them. */
function historyOf(before: CommittedRelease | null, record: UpdateRecord): string[] {
  const left = record.tasks.flatMap((task) => (task.from === null ? [] : [task.from.buildHash]));
  const all = [...(before?.history ?? []), ...(before === null ? [] : [before.buildHash]), ...left];
  return [...new Set(all)].filter((hash) => hash !== record.target.buildHash).slice(-keepHistory);
}

export function createJournal(store: Store, clock: Clock, selfNodeId: string): Journal {
  const readCurrent = async (): Promise<{ record: UpdateRecord; kv: KeyValue } | null> => {
    const kv = await store.get(keys.update);
    return kv === null ? null : { record: parseRecord(kv.value), kv };
  };

  /** The compare that holds only while nobody led after `epoch` (P6). */
  const fence = async (epoch: number): Promise<Compare> => {
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
  };

  const number = (change: Change, before: UpdateRecord): { record: UpdateRecord; ops: Op[] } => {
    let lastEvent = before.lastEvent;
    const ops: Op[] = [];
    const at = clock.wallIso();
    for (const draft of change.events) {
      lastEvent += 1;
      const event: UpdateEvent = {
        ...draft,
        number: lastEvent,
        updateId: before.id,
        at,
        by: selfNodeId,
        epoch: change.record.epoch,
      };
      ops.push({ put: keys.event(before.id, lastEvent), value: JSON.stringify(event) });
    }
    const ended = isEnded(change.record);
    const record = { ...change.record, lastEvent, endedAt: ended ? at : '' };
    return { record, ops };
  };

  const endOps = async (record: UpdateRecord): Promise<Op[]> => {
    const ops: Op[] = [{ remove: keys.update }, { put: keys.updateRecord(record.id), value: JSON.stringify(record) }];
    if (record.outcome === 'committed' && !record.partial && record.kind === 'update') {
      const before = await readRelease();
      const release: CommittedRelease = {
        buildHash: record.target.buildHash,
        previous: before?.buildHash ?? record.tasks.find((task) => task.from !== null)?.from?.buildHash ?? null,
        history: historyOf(before, record),
        at: clock.wallIso(),
      };
      ops.push({ put: keys.release, value: JSON.stringify(release) });
    }
    return ops;
  };

  const write = async (before: { record: UpdateRecord; kv: KeyValue }, change: Change, fences: Compare[]) => {
    const { record, ops } = number(change, before.record);
    const main: Op[] = isEnded(record) ? await endOps(record) : [{ put: keys.update, value: JSON.stringify(record) }];
    if (change.quarantine !== null) {
      const entry: QuarantineEntry = {
        buildHash: record.target.buildHash,
        why: `${change.quarantine.kind} failed on ${change.quarantine.nodeId} in ${record.id}: ${change.quarantine.seen}`,
        at: clock.wallIso(),
        by: record.id,
        evidence: change.quarantine,
      };
      main.push({ put: keys.quarantined(record.target.buildHash), value: JSON.stringify(entry) }); // P10
    }
    const compares = [...fences, { key: keys.update, modRevision: before.kv.modRevision }];
    return (await store.txn(compares, [...main, ...ops])) ? record : null;
  };

  const readRelease = async (): Promise<CommittedRelease | null> => {
    const kv = await store.get(keys.release);
    return kv === null ? null : (JSON.parse(kv.value) as CommittedRelease);
  };

  const mustRun = (current: { record: UpdateRecord; kv: KeyValue } | null, id: string) => {
    if (current !== null && current.record.id === id) return current;
    throw new ClusterError('not-found', `update ${id} does not run`, { next: `\`claudecluster updates show ${id}\`` });
  };

  const prune = async (): Promise<void> => {
    const all = await store.list(keys.updates, { keysOnly: true });
    const ids = all.map((kv) => kv.key.slice(keys.updates.length)).sort();
    for (const id of ids.slice(0, Math.max(0, ids.length - keepUpdates))) {
      const events = await store.list(keys.events(id), { keysOnly: true });
      const removals: Op[] = events.map((kv) => ({ remove: kv.key }));
      for (let at = 0; at < removals.length; at += 100) await store.txn([], removals.slice(at, at + 100));
      await store.txn([], [{ remove: keys.updateRecord(id) }]);
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
        await prune();
        return started.record;
      }
      await fence(record.epoch);
      const running = (await readCurrent())?.record;
      const held = running === undefined ? await readByHand(store) : null;
      if (held !== null) throw heldByHand(held);
      throw new ClusterError('update-running', `update ${running?.id ?? ''} runs already`, {
        seen:
          running === undefined ? 'an update' : `${running.id}, by ${running.startedBy}, since ${running.startedAt}`,
        wanted: 'no other update',
        next: `\`claudecluster updates watch ${running?.id ?? ''}\``,
      });
    },

    change: async (id, epoch, change) => {
      for (;;) {
        const fenced = await fence(epoch);
        const before = mustRun(await readCurrent(), id);
        const written = await write(before, change(before.record), [fenced]);
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
      const running = await readCurrent();
      if (running !== null && running.record.id === id) return running.record;
      const kv = await store.get(keys.updateRecord(id));
      return kv === null ? null : parseRecord(kv.value);
    },

    list: async (limit) => {
      const running = await readCurrent();
      const ended = (await store.list(keys.updates)).map((kv) => parseRecord(kv.value));
      const all = [...(running === null ? [] : [running.record]), ...ended.sort((a, b) => (a.id < b.id ? 1 : -1))];
      return all.slice(0, limit > 0 ? limit : undefined).map((one) => ({
        id: one.id,
        kind: one.kind ?? 'update',
        state: one.state,
        outcome: one.outcome,
        target: {
          buildHash: one.target.buildHash,
          version: one.target.version,
          gitCommit: one.target.gitCommit,
        },
        startedAt: one.startedAt,
        endedAt: one.endedAt,
        startedBy: one.startedBy,
        nodes: new Set(one.tasks.map((task) => task.nodeId)).size,
      }));
    },

    events: async (id, after) => {
      const kvs = await store.list(keys.events(id), { after: keys.event(id, after) });
      return kvs.map((kv) => parseEvent(kv.value)).filter((event) => event.number > after);
    },

    quarantine: async (hash) => {
      const kv = await store.get(keys.quarantined(hash));
      return kv === null ? null : (JSON.parse(kv.value) as QuarantineEntry);
    },

    quarantined: async () => (await store.list(keys.quarantine)).map((kv) => JSON.parse(kv.value) as QuarantineEntry),

    setQuarantine: async (entry) => {
      const key = keys.quarantined(entry.buildHash);
      await store.txn([], ['lift' in entry ? { remove: key } : { put: key, value: JSON.stringify(entry) }]);
    },

    committedRelease: readRelease,
    byHand: () => readByHand(store),
  };
}
