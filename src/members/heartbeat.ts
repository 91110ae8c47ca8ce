/** A node's sign of life: its record, written again every heartbeat, on its one lease (node-lease.ts). */
import { withSignals } from '../base/signals.ts';
import { keys } from '../base/store-keys.ts';
import { asClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Lease, Store } from '../ports/store.ts';
import { createNodeLease } from './node-lease.ts';
import type { NodeRecord } from './records.ts';

/** What the daemon says of itself; the rest of the record is kept here. */
export type HeartbeatFields = Pick<
  NodeRecord,
  'address' | 'role' | 'status' | 'release' | 'trial' | 'damaged' | 'protocol' | 'memberId'
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
  const { store, clock, logger, nodeId, leaseMs, leaseTtlMs = leaseMs } = options;
  const stopping = new AbortController();
  const asked = createAsked();
  let wake = new AbortController();
  const lease = createNodeLease({
    store,
    logger,
    nodeId,
    ttlMs: leaseTtlMs,
    stopping: stopping.signal,
    onLost: () => wake.abort(),
  });
  let seq = 0;
  let written: { seq: number; atMs: number | null } = { seq: 0, atMs: null };
  let running: Promise<void> = Promise.resolve();

  const beat = async (): Promise<void> => {
    const asks = asked.soFar();
    const on = await lease.ensure();
    seq += 1;
    const record = recordOf(options, seq, on.id);
    await store.put(keys.node(nodeId), JSON.stringify(record), on.id);
    written = { seq: record.seq, atMs: clock.nowMs() };
    asked.answer(asks);
  };

  const newWake = (): AbortSignal => {
    wake = new AbortController();
    return wake.signal;
  };

  return {
    start() {
      const forgetLease = lease.forget;
      running = takeTurns(options, { beat, forgetLease, seq: () => seq, stopping: stopping.signal, newWake });
    },
    touch() {
      if (stopping.signal.aborted) return Promise.resolve();
      const answered = asked.ask();
      wake.abort();
      return answered;
    },
    lease: lease.live,
    onLease: lease.onChange,
    written: () => ({ seq: written.seq, lastMsAgo: written.atMs === null ? null : clock.nowMs() - written.atMs }),
    async stop({ revoke = true } = {}) {
      stopping.abort();
      await running;
      asked.answer(asked.soFar());
      if (revoke) await lease.revoke();
    },
  };
}

function recordOf(options: HeartbeatOptions, seq: number, leaseId: string): NodeRecord {
  const { nodeId, incarnation, heartbeatMs, leaseMs } = options;
  return { nodeId, incarnation, seq, leaseId, heartbeatMs, leaseMs, ...options.describe() };
}

interface TurnDeps {
  beat(): Promise<void>;
  forgetLease(): void;
  seq(): number;
  stopping: AbortSignal;
  /** What ends the pause after this turn. */
  newWake(): AbortSignal;
}

/** One heartbeat after another until the stop; a failure is tried again soon, and told once. */
async function takeTurns({ clock, logger, nodeId, heartbeatMs }: HeartbeatOptions, deps: TurnDeps): Promise<void> {
  const { stopping } = deps;
  let failing = false;
  let nextMs = clock.nowMs();
  while (!stopping.aborted) {
    const wake = deps.newWake();
    try {
      await deps.beat();
      if (failing) logger.info({ nodeId, seq: deps.seq() }, 'heartbeats are written again');
      failing = false;
      nextMs = Math.max(nextMs + heartbeatMs, clock.nowMs());
    } catch (thrown) {
      const error = asClusterError(thrown);
      // The server ended the lease before we knew: take another one.
      if (error.code === 'not-found') deps.forgetLease();
      const words = { nodeId, seq: deps.seq(), error: error.message, ...error.detail };
      if (!failing) logger.warn(words, 'heartbeat not written');
      failing = true;
      nextMs = clock.nowMs() + Math.min(retryMs, heartbeatMs);
    }
    await withSignals([wake, stopping], (signal) => clock.sleep(nextMs - clock.nowMs(), signal));
    // A heartbeat out of turn starts the interval anew, so that heartbeats do not bunch up.
    if (wake.aborted) nextMs = clock.nowMs();
  }
}

interface Asked {
  /** Resolves when a heartbeat that began after this was written, or at the stop. */
  ask(): Promise<void>;
  /** How many have asked until now. */
  soFar(): number;
  /** A heartbeat that began after the first `asks` of them was written. */
  answer(asks: number): void;
}

/** Who asked for a heartbeat out of turn. */
function createAsked(): Asked {
  let asked = 0;
  let waiting: { asked: number; done: () => void }[] = [];
  return {
    ask() {
      asked += 1;
      return new Promise<void>((done) => waiting.push({ asked, done }));
    },
    soFar: () => asked,
    answer(asks) {
      for (const one of waiting.filter((each) => each.asked <= asks)) one.done();
      waiting = waiting.filter((each) => each.asked > asks);
    },
  };
}
