/**
 * What the daemon does for the moment when its own node is taken out of service: it judges the epoch of a drain, keeps the
 * connections to the other voters warm while it drains, answers its verbs, and looks after itself afterwards.
 */
import { ownUpkeep } from '../cluster/own-upkeep.ts';
import { presentEpoch } from '../cluster/present-epoch.ts';
import { quorumCheck } from '../cluster/quorum-check.ts';
import { asClusterError } from '../errors.ts';
import { admitEpoch } from '../host/epoch.ts';
import { serveOwnQuestions } from '../host/own-questions.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Raft } from '../ports/raft.ts';
import type { Store } from '../ports/store.ts';

export interface OwnPartDeps {
  base: string;
  nodeId: string;
  /** buildHash of what this process runs. */
  release: string;
  heartbeatMs: number;
  store: Store;
  raft: Pick<Raft, 'getPeers' | 'moveRaftLeader'>;
  clock: Clock;
  logger: Logger;
  healthy(): boolean;
  draining(): boolean;
}

export interface OwnPart {
  /** Takes the epoch of a drain, or throws as admitEpoch does (P6). */
  admit(epoch: number): Promise<void>;
  /** The node drains: its last question is due soon, and must not wait for a connection to be made. */
  keepWarm(): void;
  /** Answers the node's own verbs. What it cannot listen on costs them a connection of their own, and nothing else. */
  listen(): Promise<void>;
  /** Until `signal` aborts. Never rejects. */
  upkeep(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Between two looks at the other voters while the node drains, ms. */
const warmMs = 500;

export function createOwnPart(deps: OwnPartDeps): OwnPart {
  const { base, nodeId, store, raft, clock, logger } = deps;
  const storeEpoch = (): Promise<number> => presentEpoch(store);
  let server: { close(): Promise<void> } | null = null;
  let warming = false;
  let closed = false;
  const warm = async (): Promise<void> => {
    while (deps.draining() && !closed) {
      await Promise.allSettled([raft.getPeers(), storeEpoch()]);
      await clock.sleep(warmMs);
    }
    warming = false;
  };
  return {
    admit: (epoch) => admitEpoch({ base, nodeId, storeEpoch }, epoch),
    keepWarm: () => {
      if (!warming) void warm();
      warming = true;
    },
    listen: async () => {
      try {
        const mayStop = (asked: Parameters<typeof quorumCheck>[2]) =>
          quorumCheck({ store, raft, clock }, nodeId, asked);
        server = await serveOwnQuestions(base, { quorumCheck: mayStop, storeEpoch });
      } catch (thrown) {
        logger.warn({ nodeId, err: asClusterError(thrown, 'disk').toJSON() }, 'verbs of this node ask by themselves');
      }
    },
    upkeep: (signal) => ownUpkeep(deps, signal),
    close: async () => {
      closed = true;
      await server?.close();
    },
  };
}
