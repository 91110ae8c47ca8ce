/**
 * Who leads the cluster: the holder of one key on its node's lease. Every change of holder raises the epoch in the same
 * transaction, so that what a former leader still does can be told apart and refused (P6).
 *
 * leader-keys.ts: the keys · standing.ts: what this node knows and holds · campaign.ts: takes it · hand-over.ts: gives it on.
 */
import { withSignals } from '../../base/signals.ts';
import { keys } from '../../base/store-keys.ts';
import { asClusterError } from '../../errors.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Leadership } from '../../ports/raft.ts';
import type { Compare, Store, Watch } from '../../ports/store.ts';
import { type CampaignOptions, campaign, isFree } from './campaign.ts';
import { handOver } from './hand-over.ts';
import { parseEpoch, parseLeader, readLeader } from './leader-keys.ts';
import { createStanding, type LeadershipView } from './standing.ts';

export interface LeadershipOptions extends CampaignOptions {
  /** Own member first, the others behind it. */
  store: Store;
  logger: Logger;
  /** News of the lease. */
  onLease(listener: () => void): () => void;
  /** The leader key is read again at least this often, ms; a watch makes it sooner. Default 1,000. */
  pollMs?: number;
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

export function createLeadership(options: LeadershipOptions): LeadershipHandle {
  const { store, clock, logger, nodeId, pollMs = 1_000 } = options;
  const standing = createStanding(options);
  const stopping = new AbortController();
  let wake = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let unsubscribe = (): void => undefined;
  const handOverDeps = { store, logger, nodeId, standing, readAgain: () => wake.abort() };

  const giveBack = async (modRevision: number): Promise<void> => {
    await store.txn([{ key: keys.leader, modRevision }], [{ remove: keys.leader }]);
  };

  const step = async (): Promise<void> => {
    const seen = await readLeader(store);
    standing.note(seen);
    if (standing.givenUp(seen)) return giveBack(seen.leaderKv?.modRevision ?? 0);
    if (isFree(seen, options)) await campaign(options, standing, seen, stopping.signal);
  };

  const run = async (): Promise<void> => {
    let watch: Watch | null = null;
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        watch ??= await store.watch(keys.leader, () => wake.abort());
        await step();
      } catch (thrown) {
        // The term is not dropped: the lease tells how long we may rely on it without the store.
        logger.debug({ nodeId, error: asClusterError(thrown).message }, 'leadership not read');
      }
      standing.tell();
      await withSignals([wake.signal, stopping.signal], (signal) => clock.sleep(pollMs, signal));
    }
    await watch?.close();
  };

  const stepDown = async (): Promise<void> => {
    const held = standing.giveUp();
    standing.tell();
    // What cannot be given back now is given back at the next look at the key, or ends with the lease.
    if (held) await giveBack(held.modRevision).catch(() => undefined);
  };

  return {
    start() {
      unsubscribe = options.onLease(() => {
        standing.tell();
        wake.abort();
      });
      running = run();
    },
    isLeader: standing.isLeader,
    epoch: standing.epoch,
    fence: standing.fence,
    view: standing.view,
    onChange: standing.onChange,
    leadership: () => readLeadership(store),
    handOver: (toNodeId) => handOver(handOverDeps, toNodeId),
    async resign() {
      standing.resign();
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

/** One read where somebody leads: the record has the epoch in it, for both are written in one transaction. */
async function readLeadership(store: Store): Promise<Leadership> {
  const leader = parseLeader(await store.get(keys.leader));
  if (leader !== null) return { leader: leader.node, epoch: leader.epoch };
  return { leader: null, epoch: parseEpoch(await store.get(keys.epoch)) };
}
