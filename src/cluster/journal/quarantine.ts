/**
 * Builds that must not run again (P10). Whoever wrote an entry first is whom it names: an entry is created only where there
 * is none. One fall of a node makes one entry: which fall was judged is kept in the store, so that an operator's lift
 * stands until the node falls anew, whoever leads then and however long the node remembers.
 */
import { z } from 'zod';
import { parseAs } from '../../base/parse-as.ts';
import { keys } from '../../base/store-keys.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Compare, Op, Store } from '../../ports/store.ts';
import type { Failure } from '../update/failure.ts';
import type { UpdateRecord } from '../update/record.ts';

export interface QuarantineEntry {
  buildHash: string;
  why: string;
  at: string;
  by: string;
  evidence: Failure | null;
}

/** A node that went back from a release that it had committed. */
export interface Fall {
  nodeId: string;
  updateId: string;
  /** buildHash that it went back from. */
  release: string;
  /** When, by the node's own wall clock: part of the fall's name, and never compared as a time. */
  at: string;
}

export interface Quarantine {
  /** null: it may run. */
  quarantine(hash: string): Promise<QuarantineEntry | null>;
  quarantined(): Promise<QuarantineEntry[]>;
  /** An operator's: creates the entry if there is none, or lifts it. */
  setQuarantine(entry: QuarantineEntry | { buildHash: string; lift: true }): Promise<void>;
  /**
   * Judges a fall, once: the leader of `epoch` quarantines its release, unless that is quarantined already. A fall that
   * was judged before changes nothing. Throws 'stale-epoch' when another one leads (P6).
   */
  judgeFall(fall: Fall, entry: QuarantineEntry, epoch: number): Promise<void>;
}

/** `at` '': the update itself recorded it, without knowing what the node remembers of it. */
const judgedSchema = z.looseObject({ updateId: z.string(), release: z.string(), at: z.string() });

const judgedOp = ({ nodeId, updateId, release, at }: Fall): Op => ({
  put: keys.fall(nodeId),
  value: JSON.stringify({ updateId, release, at }),
});

function isJudged(text: string | undefined, fall: Fall): boolean {
  const judged = parseAs(text ?? '', judgedSchema);
  if (!('value' in judged)) return false;
  const { updateId, release, at } = judged.value;
  return updateId === fall.updateId && release === fall.release && (at === '' || at === fall.at);
}

/** @param fence the compare that holds only while nobody led after `epoch` (P6) */
export function createQuarantine(store: Store, fence: (epoch: number) => Promise<Compare>): Quarantine {
  return {
    quarantine: async (hash) => {
      const kv = await store.get(keys.quarantined(hash));
      return kv === null ? null : (JSON.parse(kv.value) as QuarantineEntry);
    },

    quarantined: async () => (await store.list(keys.quarantine)).map((kv) => JSON.parse(kv.value) as QuarantineEntry),

    setQuarantine: async (entry) => {
      const key = keys.quarantined(entry.buildHash);
      if ('lift' in entry) await store.txn([], [{ remove: key }]);
      else await store.txn([{ key, modRevision: 0 }], [{ put: key, value: JSON.stringify(entry) }]);
    },

    judgeFall: async (fall, entry, epoch) => {
      for (;;) {
        const fenced = await fence(epoch);
        const [judged, present] = await Promise.all([
          store.get(keys.fall(fall.nodeId)),
          store.get(keys.quarantined(fall.release)),
        ]);
        if (isJudged(judged?.value, fall)) return;
        const compares = [
          fenced,
          { key: keys.fall(fall.nodeId), modRevision: judged?.modRevision ?? 0 },
          { key: keys.quarantined(fall.release), modRevision: present?.modRevision ?? 0 },
        ];
        const put: Op = { put: keys.quarantined(fall.release), value: JSON.stringify(entry) };
        if (await store.txn(compares, present === null ? [judgedOp(fall), put] : [judgedOp(fall)])) return;
      }
    },
  };
}

/** What goes into the transaction that records a failure for which the build is to blame (P10). */
export async function quarantineInRecord(
  store: Store,
  clock: Clock,
  record: UpdateRecord,
  failure: Failure,
): Promise<{ compares: Compare[]; ops: Op[] }> {
  const { buildHash } = record.target;
  const { nodeId } = failure;
  const wentBack = record.tasks.findLast((task) => task.nodeId === nodeId)?.phase === 'rolled-back';
  // Judged here: the leader must not come back to it because the node remembers it for longer than the entry stands.
  const ops: Op[] = wentBack ? [judgedOp({ nodeId, updateId: record.id, release: buildHash, at: '' })] : [];
  const key = keys.quarantined(buildHash);
  const present = await store.get(key);
  if (present !== null) return { compares: [{ key, modRevision: present.modRevision }], ops };
  const entry: QuarantineEntry = {
    buildHash,
    why: `${failure.kind} failed on ${nodeId} in ${record.id}: ${failure.seen}`,
    at: clock.wallIso(),
    by: record.id,
    evidence: failure,
  };
  return { compares: [{ key, modRevision: 0 }], ops: [...ops, { put: key, value: JSON.stringify(entry) }] };
}
