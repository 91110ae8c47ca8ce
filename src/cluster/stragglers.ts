/**
 * A node that was away during an update comes back on a release that the cluster has left. It never updates itself and
 * never pulls others back: the leader brings it up, through the same steps and the same trial, as an update of its own.
 */
import { asClusterError } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Membership, NodeInfo } from '../ports/membership.ts';
import type { Journal } from './journal.ts';
import type { Failure, UpdateRequest } from './update/types.ts';

export interface StragglerDeps {
  clientPool: ClientPool;
  journal: Journal;
  membership: Membership;
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
  let told = '';

  /** Tried once for this release and not brought up: an operator decides, not a loop. */
  const triedBefore = async (nodeId: string, target: string): Promise<boolean> => {
    const before = await deps.journal.list(lookBack);
    for (const one of before) {
      if (one.kind !== 'straggler' || one.target.buildHash !== target || one.outcome === 'committed') continue;
      const record = await deps.journal.get(one.id);
      if (record?.tasks.some((task) => task.nodeId === nodeId)) return true;
    }
    return false;
  };

  /** It had the release, and could not stay up on it while on probation: the build is at fault, for the whole cluster (P10). */
  const fellFrom = async (node: NodeInfo, target: string): Promise<boolean> => {
    const { lastRollback } = await deps.clientPool.getConnection(node.address).healthCheck(lookTimeoutMs);
    if (lastRollback?.release !== target || lastRollback.cause !== 'probation') return false;
    const why = `${node.nodeId} went back on probation after ${lastRollback.updateId}: ${lastRollback.why}`;
    const seen = `${lastRollback.why} (${lastRollback.signal ?? `exit code ${lastRollback.exitCode}`})`;
    const evidence: Failure = {
      nodeId: node.nodeId,
      kind: 'stability',
      phase: 'committed',
      seen,
      wanted: `${node.nodeId} to stay up`,
      next: 'mend the build and update again with the new one',
      evidence: lastRollback.logTail,
    };
    await deps.journal.setQuarantine({
      buildHash: target,
      why,
      at: deps.clock.wallIso(),
      by: lastRollback.updateId,
      evidence,
    });
    return true;
  };

  const tell = (node: NodeInfo, why: string): void => {
    if (told !== `${node.nodeId}: ${why}`)
      deps.logger.warn({ nodeId: node.nodeId, why }, 'a straggler is not brought up');
    told = `${node.nodeId}: ${why}`;
  };

  return {
    look: async () => {
      const nowMs = deps.clock.nowMs();
      if (deps.stragglers === 'leave' || (lastMs !== null && nowMs - lastMs < 2 * deps.heartbeatMs)) return;
      lastMs = nowMs;
      const committed = await deps.journal.committedRelease();
      if (committed === null) return;
      const isBehind = (node: NodeInfo): boolean =>
        node.status === 'active' && node.trial === null && committed.history.includes(node.release?.buildHash ?? '');
      for (const node of (await deps.membership.getAllNodes()).filter(isBehind)) {
        if (await fellFrom(node, committed.buildHash)) {
          tell(node, `it fell back from ${committed.buildHash.slice(0, 12)}, which is quarantined now`);
          continue;
        }
        if (await triedBefore(node.nodeId, committed.buildHash)) {
          tell(node, `it was tried before: \`claudecluster update --only ${node.nodeId}\``);
          continue;
        }
        try {
          await deps.start({
            buildHash: committed.buildHash,
            options: { only: [node.nodeId], skipOffline: true },
            by: 'the leader, for a straggler',
            kind: 'straggler',
          });
          return;
        } catch (thrown) {
          const error = asClusterError(thrown);
          if (error.code !== 'refused' && error.code !== 'update-running') throw error;
          tell(node, error.message);
        }
      }
    },
  };
}
