/**
 * The update's record in the replicated store. Every write compares the record's revision and the epoch in one
 * transaction: what a former leader writes is refused (P6), and nothing is written over what somebody else changed (P5).
 * A record that this build cannot read is never written over: another build's leader may go on from it (P11).
 *
 * running-record.ts reads it · journal-write.ts: one transaction for a change and all that goes with it · fence.ts: the compare
 * of the epoch · journal-read.ts: what was. Beside it: quarantine.ts, committed-release.ts, prune-updates.ts.
 */
import { keys } from '../../base/store-keys.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Compare, Op, Store } from '../../ports/store.ts';
import { type ByHand, heldByHand, readByHand } from '../by-hand.ts';
import type { UpdateSummary } from '../control/control-api.ts';
import type { Change } from '../update/change.ts';
import type { UpdateEvent } from '../update/event.ts';
import type { UpdateRecord } from '../update/record.ts';
import { type CommittedRelease, readCommittedRelease } from './committed-release.ts';
import { fenceOf } from './fence.ts';
import { listUpdates, readEvents, readUpdate } from './journal-read.ts';
import { numbered, writeChange } from './journal-write.ts';
import { pruneUpdates } from './prune-updates.ts';
import { createQuarantine, type Quarantine } from './quarantine.ts';
import { type Current, readRunning } from './running-record.ts';

export interface Journal extends Quarantine {
  /** The update that runs. Throws 'operator-needed' when this build cannot read its record; so do all that need it. */
  current(): Promise<UpdateRecord | null>;
  /**
   * Begins an update. Throws 'update-running' (with whose), 'quorum-unsafe' (a voter is out by hand), 'quarantined' (since
   * preflight read it) or 'stale-epoch'.
   */
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

export function createJournal(store: Store, clock: Clock, selfNodeId: string, logger: Logger): Journal {
  const deps = { store, clock, selfNodeId };
  const fence = (epoch: number): Promise<Compare> => fenceOf(store, epoch, selfNodeId);

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
    current: async () => (await readRunning(deps))?.record ?? null,

    create: async (record, text) => {
      const fenced = await fence(record.epoch);
      const change: Change = { record, events: [{ kind: 'started', nodeId: null, text }], quarantine: null };
      const started = numbered(deps, change, record);
      const put: Op = { put: keys.update, value: JSON.stringify(started.record) };
      const { buildHash } = record.target;
      // One at a time, and none beside a hand (P1); whatever was written since preflight read it (P10).
      const none = [keys.update, keys.byHand, keys.quarantined(buildHash)];
      const free = none.map((key): Compare => ({ key, modRevision: 0 }));
      if (await store.txn([fenced, ...free], [put, ...started.ops])) {
        // The update has begun, whatever becomes of the old ones: they go with the next one.
        await pruneUpdates(store).catch((thrown) => {
          logger.warn({ err: asClusterError(thrown).toJSON() }, 'old updates are not removed');
        });
        return started.record;
      }
      await fence(record.epoch);
      const running = (await readRunning(deps))?.record;
      const held = running === undefined ? await readByHand(store) : null;
      if (held !== null) throw heldByHand(held);
      if (running === undefined && (await store.get(keys.quarantined(buildHash))) !== null) {
        throw isQuarantined(buildHash);
      }
      throw alreadyRuns(running);
    },

    change: async (id, epoch, change) => {
      for (;;) {
        const fenced = await fence(epoch);
        const current = await readRunning(deps);
        // Gone or another one: ended by the leader that came after us, unless it is still us who lead.
        if (current?.record.id !== id) await fence(epoch);
        const before = mustRun(current, id);
        const written = await writeChange(deps, before, await changed(before.record, epoch, change), [fenced]);
        if (written !== null) return written;
      }
    },

    request: async (id, change) => {
      for (;;) {
        const before = mustRun(await readRunning(deps), id);
        const written = await writeChange(deps, before, change(before.record), []);
        if (written !== null) return written;
      }
    },

    get: (id) => readUpdate(deps, id),
    list: (limit) => listUpdates(store, limit),
    events: (id, after) => readEvents(store, id, after),
    committedRelease: () => readCommittedRelease(store),
    byHand: () => readByHand(store),
    ...createQuarantine(store, fence),
  };
}

function mustRun(current: Current | null, id: string): Current {
  if (current !== null && current.record.id === id) return current;
  throw new ClusterError('not-found', `update ${id} does not run`, { next: `\`claudecluster updates show ${id}\`` });
}

function isQuarantined(buildHash: string): ClusterError {
  return new ClusterError('quarantined', `${buildHash.slice(0, 12)} has just been quarantined`, {
    wanted: 'a build that is not',
    next: `\`claudecluster releases list\` says why; update with a mended build, or lift it: \`claudecluster releases unquarantine ${buildHash}\``,
  });
}

function alreadyRuns(running: UpdateRecord | undefined): ClusterError {
  return new ClusterError('update-running', `update ${running?.id ?? ''} runs already`, {
    seen: running === undefined ? 'an update' : `${running.id}, by ${running.startedBy}, since ${running.startedAt}`,
    wanted: 'no other update',
    next: `\`claudecluster updates watch ${running?.id ?? ''}\``,
  });
}
