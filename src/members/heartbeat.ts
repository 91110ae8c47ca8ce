/** A node's sign of life: one lease, and on it the node's record, written again every heartbeat. */

import { keys } from '../base/store-keys.ts';
import { asClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Lease, Store } from '../ports/store.ts';
import { type MemberRecord, memberRecordSchema, type NodeRecord, parseRecord } from './records.ts';

/** What the daemon says of itself; the rest of the record is kept here. */
export type HeartbeatFields = Pick<
  NodeRecord,
  'address' | 'role' | 'status' | 'release' | 'trial' | 'protocol' | 'memberId'
>;

export interface HeartbeatOptions {
  /** For a voter: a store with its own member only, so that each heartbeat is a linearizable write of its own (P4). */
  store: Store;
  clock: Clock;
  logger: Logger;
  nodeId: string;
  /** Random id of this start of the daemon. */
  incarnation: string;
  heartbeatMs: number;
  /** So long after its last sign of life a node may count as there. */
  leaseMs: number;
  /** What is asked of the store for it, ms. Default `leaseMs`. */
  leaseTtlMs?: number;
  /** Asked at every heartbeat. */
  describe(): HeartbeatFields;
}

export interface Heartbeat {
  start(): void;
  /** Something in `describe` changed: write now. Resolves when it was written, or when stopped. */
  touch(): Promise<void>;
  /** The lease while it is certainly alive; null otherwise. */
  lease(): Lease | null;
  /** Called when a lease was granted or lost. Returns what unsubscribes. */
  onLease(listener: () => void): () => void;
  /** Written heartbeats of this incarnation, and ms since the last one (null: none yet). */
  written(): { seq: number; lastMsAgo: number | null };
  /** `revoke`: the record, and the leadership if it is ours, go at once (a graceful stop). */
  stop(options?: { revoke?: boolean }): Promise<void>;
}

/** Longest pause after a heartbeat that failed, ms. */
const retryMs = 250;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { store, clock, logger, nodeId, heartbeatMs, leaseMs, leaseTtlMs = leaseMs } = options;
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  let lease: Lease | null = null;
  let seq = 0;
  let writtenSeq = 0;
  let writtenAtMs: number | null = null;
  let running: Promise<void> = Promise.resolve();
  let wake = new AbortController();
  let asked = 0;
  let waiters: { asked: number; done: () => void }[] = [];

  const tellLease = (): void => {
    for (const listener of listeners) listener();
  };
  const liveLease = (): Lease | null => (lease?.alive() ? lease : null);

  const ensureLease = async (): Promise<Lease> => {
    const live = liveLease();
    if (live) return live;
    const granted = await store.grantLease(Math.ceil(leaseTtlMs / 1_000));
    lease = granted;
    granted.lost.addEventListener('abort', () => {
      if (lease !== granted || stopping.signal.aborted) return;
      logger.warn({ nodeId, leaseId: granted.id }, 'our lease is lost: the store was not reached for too long');
      tellLease();
      wake.abort();
    });
    tellLease();
    return granted;
  };

  const beat = async (): Promise<void> => {
    const asks = asked;
    const on = await ensureLease();
    seq += 1;
    const record: NodeRecord = {
      nodeId,
      incarnation: options.incarnation,
      seq,
      leaseId: on.id,
      heartbeatMs,
      leaseMs,
      ...options.describe(),
    };
    await store.put(keys.node(nodeId), JSON.stringify(record), on.id);
    writtenSeq = record.seq;
    writtenAtMs = clock.nowMs();
    for (const waiter of waiters.filter((one) => one.asked <= asks)) waiter.done();
    waiters = waiters.filter((one) => one.asked > asks);
  };

  const run = async (): Promise<void> => {
    let failing = false;
    let nextMs = clock.nowMs();
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        await beat();
        if (failing) logger.info({ nodeId, seq }, 'heartbeats are written again');
        failing = false;
        nextMs = Math.max(nextMs + heartbeatMs, clock.nowMs());
      } catch (thrown) {
        const error = asClusterError(thrown);
        // The server ended the lease before we knew: take another one.
        if (error.code === 'not-found') lease = null;
        if (!failing) logger.warn({ nodeId, seq, error: error.message, ...error.detail }, 'heartbeat not written');
        failing = true;
        nextMs = clock.nowMs() + Math.min(retryMs, heartbeatMs);
      }
      await clock.sleep(nextMs - clock.nowMs(), AbortSignal.any([wake.signal, stopping.signal]));
      // A heartbeat out of turn starts the interval anew, so that heartbeats do not bunch up.
      if (wake.signal.aborted) nextMs = clock.nowMs();
    }
  };

  return {
    start() {
      running = run();
    },
    touch() {
      if (stopping.signal.aborted) return Promise.resolve();
      asked += 1;
      const written = new Promise<void>((done) => waiters.push({ asked, done }));
      wake.abort();
      return written;
    },
    lease: liveLease,
    onLease(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    written: () => ({ seq: writtenSeq, lastMsAgo: writtenAtMs === null ? null : clock.nowMs() - writtenAtMs }),
    async stop({ revoke = true } = {}) {
      stopping.abort();
      await running;
      for (const waiter of waiters) waiter.done();
      waiters = [];
      if (revoke) await lease?.revoke();
    },
  };
}

/**
 * Writes that the node belongs to the cluster. A node that the cluster does not know yet is approved only when it was
 * named at the cluster's founding (`approved`); what an operator decided later stays. Throws ClusterError.
 */
export async function registerMember(store: Store, member: MemberRecord): Promise<MemberRecord> {
  const key = keys.member(member.nodeId);
  for (;;) {
    const kv = await store.get(key);
    const parsed = kv && parseRecord(kv.value, memberRecordSchema);
    const known = parsed && 'value' in parsed ? parsed.value : null;
    const record = { ...known, ...member, approved: (known?.approved ?? false) || member.approved };
    const value = JSON.stringify(record);
    if (kv?.value === value) return record;
    if (await store.txn([{ key, modRevision: kv?.modRevision ?? 0 }], [{ put: key, value }])) return record;
  }
}

/** An operator lets a node in. False: no such node. Throws ClusterError. */
export async function approveMember(store: Store, nodeId: string): Promise<boolean> {
  const key = keys.member(nodeId);
  for (;;) {
    const kv = await store.get(key);
    if (!kv) return false;
    const parsed = parseRecord(kv.value, memberRecordSchema);
    if ('problem' in parsed) return false;
    if (parsed.value.approved) return true;
    const value = JSON.stringify({ ...parsed.value, approved: true });
    if (await store.txn([{ key, modRevision: kv.modRevision }], [{ put: key, value }])) return true;
  }
}
