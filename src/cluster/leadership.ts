/**
 * Who leads the cluster: the holder of one key on its node's lease. Every change of holder raises the epoch in the same
 * transaction, so that what a former leader still does can be told apart and refused (P6).
 */

import { parseAs } from '../base/parse-as.ts';
import { withSignals } from '../base/signals.ts';
import { keys } from '../base/store-keys.ts';
import { asClusterError } from '../errors.ts';
import { nodeRecordSchema } from '../members/records.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Leadership } from '../ports/raft.ts';
import type { Compare, Lease, Op, Store, Watch } from '../ports/store.ts';
import { change, leaderValue, parseEpoch, parseLeader, readLeader, type Seen, take } from './leader-keys.ts';

export interface LeadershipOptions {
  /** Own member first, the others behind it. */
  store: Store;
  clock: Clock;
  logger: Logger;
  nodeId: string;
  /** The node's one lease (heartbeat.lease), and the news of it. */
  lease(): Lease | null;
  onLease(listener: () => void): () => void;
  /** May this node lead now? Healthy, not draining, not on its way out. Default: yes. */
  mayCampaign?(): boolean | Promise<boolean>;
  /** nodeId of the Raft leader, null for unknown: another node lets that one campaign first. Default: unknown. */
  raftLeader?(): Promise<string | null>;
  /** How long it lets it, ms. Default 500. */
  yieldMs?: number;
  /** The leader key is read again at least this often, ms; a watch makes it sooner. Default 1,000. */
  pollMs?: number;
}

export interface LeadershipView extends Leadership {
  /** This node leads, as far as it knows. */
  isLeader: boolean;
}

export interface LeadershipHandle {
  start(): void;
  /** False from the moment when the lease cannot be relied on any more, asked of the clock at this very call. */
  isLeader(): boolean;
  /** Epoch under which this node leads; 0: it does not. */
  epoch(): number;
  /** What a write needs to hold only while this very leadership lasts; null: we do not lead. */
  fence(): Compare | null;
  /** What was last seen, without asking. */
  view(): LeadershipView;
  onChange(listener: (view: LeadershipView) => void): () => void;
  /** Linearizable. Throws ClusterError 'unavailable'. */
  leadership(): Promise<Leadership>;
  /** One transaction; its epoch is ours plus one. False: nothing changed. */
  handOver(toNodeId: string): Promise<boolean>;
  /** Gives the leadership up, if it is ours; the next candidate need not wait for the lease. */
  resign(): Promise<void>;
  /** The same, and not for good: it campaigns again once `mayCampaign` lets it. */
  stepDown(): Promise<void>;
  stop(): Promise<void>;
}

/** What makes this node the leader: a key of that revision on that lease. */
interface Term {
  epoch: number;
  modRevision: number;
  lease: Lease;
}

export function createLeadership(options: LeadershipOptions): LeadershipHandle {
  const { store, clock, logger, nodeId, yieldMs = 500, pollMs = 1_000 } = options;
  const stopping = new AbortController();
  const listeners = new Set<(view: LeadershipView) => void>();
  let term: Term | null = null;
  let lastSeen: Leadership = { leader: null, epoch: 0 };
  let told = '';
  let wake = new AbortController();
  let resigned = false;
  let running: Promise<void> = Promise.resolve();
  let unsubscribe = (): void => undefined;

  const isLeader = (): boolean => term?.lease.alive() ?? false;
  const view = (): LeadershipView => {
    const leads = isLeader();
    // Our own leadership that we lost is nobody's until somebody is seen to lead.
    const leader = lastSeen.leader === nodeId && !leads ? null : lastSeen.leader;
    return { leader, epoch: lastSeen.epoch, isLeader: leads };
  };
  const tell = (): void => {
    const now = view();
    const words = JSON.stringify(now);
    if (words === told) return;
    told = words;
    logger.info({ nodeId, ...now }, now.isLeader ? 'this node leads' : `leader: ${now.leader ?? 'none'}`);
    for (const listener of listeners) listener(now);
  };

  const read = (): Promise<Seen> => readLeader(store);

  /** One read where somebody leads: the record has the epoch in it, for both are written in one transaction. */
  const readLeadership = async (): Promise<Leadership> => {
    const leader = parseLeader(await store.get(keys.leader));
    if (leader !== null) return { leader: leader.node, epoch: leader.epoch };
    return { leader: null, epoch: parseEpoch(await store.get(keys.epoch)) };
  };

  /** Takes what was read as the present state of things. */
  const note = (seen: Seen): void => {
    lastSeen = { leader: seen.leader?.node ?? null, epoch: seen.epoch };
    const lease = options.lease();
    const ours = seen.leaderKv && seen.leader?.node === nodeId && lease !== null && seen.leaderKv.leaseId === lease.id;
    term = ours && !resigned ? { epoch: seen.epoch, modRevision: seen.leaderKv?.modRevision ?? 0, lease } : null;
    tell();
  };

  /** Is there a leadership to take? A key that an earlier run of this very node left is ours to replace. */
  const isFree = (seen: Seen): boolean =>
    seen.leaderKv === null ||
    seen.leader === null ||
    (seen.leader.node === nodeId && seen.leaderKv.leaseId !== options.lease()?.id);

  const campaign = async (first: Seen): Promise<void> => {
    if (resigned || !options.lease() || !((await options.mayCampaign?.()) ?? true)) return;
    const raftLeader = (await options.raftLeader?.().catch(() => null)) ?? null;
    let seen = first;
    if (raftLeader !== null && raftLeader !== nodeId) {
      await clock.sleep(yieldMs, stopping.signal);
      seen = await read();
      if (!isFree(seen)) return note(seen);
    }
    const lease = options.lease();
    if (!lease || resigned || stopping.signal.aborted) return;
    const epoch = seen.epoch + 1;
    await store.txn(change(seen), take(nodeId, epoch, lease.id));
    note(await read());
  };

  const step = async (): Promise<void> => {
    const seen = await read();
    note(seen);
    if (isFree(seen)) await campaign(seen);
  };

  const run = async (): Promise<void> => {
    let watch: Watch | null = null;
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        watch ??= await store.watch(keys.leader, () => wake.abort());
        await step();
      } catch (thrown) {
        // Not `term = null`: the lease tells how long we may rely on it without the store.
        logger.debug({ nodeId, error: asClusterError(thrown).message }, 'leadership not read');
      }
      tell();
      await withSignals([wake.signal, stopping.signal], (signal) => clock.sleep(pollMs, signal));
    }
    await watch?.close();
  };

  const handOver = async (toNodeId: string): Promise<boolean> => {
    const held = term;
    if (!held || !isLeader() || toNodeId === nodeId) return false;
    const target = await store.get(keys.node(toNodeId));
    const record = target && parseAs(target.value, nodeRecordSchema);
    if (!record || 'problem' in record || record.value.status !== 'active') return false;
    // The record is on the target's lease; what it says of the lease must be what the store says.
    if (record.value.leaseId !== target.leaseId) return false;
    const seen = await read();
    if (seen.leaderKv?.modRevision !== held.modRevision) {
      note(seen);
      return false;
    }
    // From here on we no longer act: an answer that is lost must not leave two who think that they lead (P6).
    term = null;
    const epoch = held.epoch + 1;
    try {
      const done = await store.txn(change(seen), take(toNodeId, epoch, record.value.leaseId));
      note(await read());
      return done;
    } catch (thrown) {
      const error = asClusterError(thrown);
      logger.warn({ nodeId, toNodeId, error: error.message, ...error.detail }, 'handover not answered');
      return settle(held, toNodeId, epoch);
    }
  };

  /** A transaction without an answer may still come: ours is put again, which makes it fail for good, or shows that it came. */
  const settle = async (held: Term, toNodeId: string, epoch: number): Promise<boolean> => {
    const mine: Op[] = [{ put: keys.leader, value: leaderValue(nodeId, held.epoch), leaseId: held.lease.id }];
    await store.txn([{ key: keys.leader, modRevision: held.modRevision }], mine).catch(() => undefined);
    try {
      const seen = await read();
      note(seen);
      return seen.leader?.node === toNodeId && seen.leader.epoch === epoch;
    } catch {
      wake.abort(); // The loop reads it as soon as it can be read.
      return false;
    }
  };

  const stepDown = async (): Promise<void> => {
    const held = term;
    term = null;
    tell();
    if (!held) return;
    const ours: Compare[] = [{ key: keys.leader, modRevision: held.modRevision }];
    // When it cannot be given up it ends with the lease.
    await store.txn(ours, [{ remove: keys.leader }]).catch(() => undefined);
  };

  return {
    start() {
      unsubscribe = options.onLease(() => {
        tell();
        wake.abort();
      });
      running = run();
    },
    isLeader,
    epoch: () => (isLeader() ? (term?.epoch ?? 0) : 0),
    fence: () => (term && isLeader() ? { key: keys.leader, modRevision: term.modRevision } : null),
    view,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    leadership: readLeadership,
    handOver,
    async resign() {
      resigned = true;
      await stepDown();
    },
    stepDown,
    async stop() {
      stopping.abort();
      unsubscribe();
      await running;
    },
  };
}
