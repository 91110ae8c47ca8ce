/** Who belongs to the cluster and who is there: the members' list joined with the live records. */
import { withSignals } from '../base/signals.ts';
import { keys } from '../base/store-keys.ts';
import { asClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Membership, NodeInfo } from '../ports/membership.ts';
import type { Store, Watch } from '../ports/store.ts';
import { createRecordReader, type View } from './read-records.ts';
import { sharedRead } from './shared-read.ts';

export interface MembershipOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  /** The view is read again at least this often, ms. */
  heartbeatMs: number;
}

export interface LiveMembership extends Membership {
  /** Begins to follow the records. Without it `getAllNodes` works, but knows freshness only from its own calls. */
  start(): void;
  /** The last view, when the store cannot be read; `ageMs` null: there was none yet. */
  lastView(): { nodes: NodeInfo[]; ageMs: number | null };
  /** Called after the view was read anew. Returns what unsubscribes. */
  onChange(listener: () => void): () => void;
  stop(): Promise<void>;
}

export function createMembership(options: MembershipOptions): LiveMembership {
  const { store, clock, logger, heartbeatMs } = options;
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  const records = createRecordReader(options);
  let view: View | null = null;
  let running: Promise<void> = Promise.resolve();
  let wake = new AbortController();

  const refresh = sharedRead(async () => {
    const read = await records.read();
    view = read;
    for (const listener of listeners) listener();
    return read;
  });

  const follow = async (): Promise<void> => {
    const watches: Watch[] = [];
    const hint = (): void => wake.abort();
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        if (watches.length === 0) watches.push(await store.watch(keys.nodes, hint));
        if (watches.length === 1) watches.push(await store.watch(keys.members, hint));
        await refresh();
      } catch (thrown) {
        logger.debug({ error: asClusterError(thrown).message }, 'membership not read');
      }
      await withSignals([wake.signal, stopping.signal], (signal) => clock.sleep(heartbeatMs, signal));
    }
    await Promise.all(watches.map((watch) => watch.close()));
  };

  return {
    start() {
      running = follow();
    },
    getAllNodes: async () => records.nodesOf(await refresh()),
    lastView: () => ({
      nodes: view ? records.nodesOf(view) : [],
      ageMs: view ? clock.nowMs() - view.readAtMs : null,
    }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
