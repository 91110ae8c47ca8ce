/**
 * A node that was away during an update comes back on a release that the cluster has left. It never updates itself and
 * never pulls others back: the leader brings it up, through the same steps and the same trial, as an update of its own.
 */
import { asClusterError, type ClusterError, errorMeanings } from '../../errors.ts';
import type { ClientPool, RollbackView } from '../../ports/agent.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Membership, NodeInfo } from '../../ports/membership.ts';
import type { Raft } from '../../ports/raft.ts';
import type { Journal } from '../journal/journal.ts';
import type { UpdateRequest } from '../update/request.ts';
import { judge } from './fallen.ts';

export interface StragglerDeps {
  clientPool: ClientPool;
  journal: Journal;
  membership: Membership;
  raft: Pick<Raft, 'leadership'>;
  selfNodeId: string;
  clock: Clock;
  logger: Logger;
  heartbeatMs: number;
  stragglers: 'update' | 'leave';
  start(request: UpdateRequest): Promise<unknown>;
}

export interface StragglerWatch {
  /** Called by the leader when no update runs; looks at most once in two heartbeats. */
  look(): Promise<void>;
}

/** One look at a straggler, ms. */
const lookTimeoutMs = 2_000;

/** So many ended updates are asked whether this straggler was tried before. */
const lookBack = 20;

export function createStragglerWatch(deps: StragglerDeps): StragglerWatch {
  let lastMs: number | null = null;
  const told = new Map<string, string>();

  /** Once for each node and reason. */
  const tell = (nodeId: string, why: string): void => {
    if (told.get(nodeId) !== why) deps.logger.warn({ nodeId, why }, 'a straggler is not brought up');
    told.set(nodeId, why);
  };

  /** Those that the cluster has left behind, with what each says of itself; one that says nothing keeps nobody waiting. */
  const lookAtAll = async (history: string[]): Promise<{ nodeId: string; last: RollbackView | null }[]> => {
    const nodes = await deps.membership.getAllNodes();
    const behind = nodes.filter(
      (node) => node.status === 'active' && node.trial === null && history.includes(node.release?.buildHash ?? ''),
    );
    const looks = await Promise.all(
      behind.map(async ({ nodeId, address }: NodeInfo) => {
        try {
          const { lastRollback } = await deps.clientPool.getConnection(address).healthCheck(lookTimeoutMs);
          return { nodeId, last: lastRollback };
        } catch (thrown) {
          tell(nodeId, `it cannot be looked at: ${asClusterError(thrown).message}`);
          return null;
        }
      }),
    );
    return looks.filter((one) => one !== null);
  };

  return {
    look: async () => {
      const nowMs = deps.clock.nowMs();
      if (deps.stragglers === 'leave' || (lastMs !== null && nowMs - lastMs < 2 * deps.heartbeatMs)) return;
      lastMs = nowMs;
      const committed = await deps.journal.committedRelease();
      if (committed === null) return;
      const behind = await lookAtAll(committed.history);
      const fallen = behind.filter(({ last }) => last?.release === committed.buildHash && last.cause === 'probation');
      if (fallen.length > 0) {
        const { epoch, leader } = await deps.raft.leadership();
        if (leader !== deps.selfNodeId) return; // P6
        for (const { nodeId, last } of fallen) if (last !== null) await judge(deps, nodeId, last, epoch);
      }
      for (const { nodeId } of behind) {
        const why = await bringUp(deps, nodeId, committed.buildHash);
        if (why === '') return;
        tell(nodeId, why);
      }
    },
  };
}

/** Why it is not brought up; '': an update of its own has begun. */
async function bringUp(deps: StragglerDeps, nodeId: string, target: string): Promise<string> {
  const entry = await deps.journal.quarantine(target);
  if (entry !== null) return `the cluster's release ${target.slice(0, 12)} is quarantined: ${entry.why}`; // P10
  if (await triedBefore(deps, nodeId, target)) return `it was tried before: \`claudecluster update --only ${nodeId}\``;
  try {
    await deps.start({
      buildHash: target,
      options: { only: [nodeId], skipOffline: true },
      by: 'the leader, for a straggler',
      kind: 'straggler',
    });
    return '';
  } catch (thrown) {
    const error = asClusterError(thrown);
    if (!['refused', 'update-running', 'quarantined'].includes(error.code)) throw error;
    return error.message;
  }
}

/** Tried once for this release and not brought up: an operator decides, not a loop. */
async function triedBefore({ journal }: StragglerDeps, nodeId: string, target: string): Promise<boolean> {
  const before = await journal.list(lookBack);
  for (const one of before) {
    if (one.kind !== 'straggler' || one.target.buildHash !== target || one.outcome === 'committed') continue;
    // One that this build cannot read may have been about this node: a try too few is mended by hand, a loop is not.
    const record = await journal.get(one.id).catch((thrown) => ifUnreadable(asClusterError(thrown)));
    if (record === 'unreadable' || record?.tasks.some((task) => task.nodeId === nodeId)) return true;
  }
  return false;
}

function ifUnreadable(error: ClusterError): 'unreadable' {
  const meaning = errorMeanings[error.code];
  if (meaning === 'fault' || meaning === 'operator') return 'unreadable';
  throw error;
}
