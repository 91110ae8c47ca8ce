/**
 * What CLI and MCP can ask of any node. Reads are answered from the replicated store here; what only the leader can do
 * is passed on to it. The same interface stands at the other end of the wire (src/grpc/control-client.ts).
 */

import { isBuildHash } from '../../base/build-hash.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import type { ClientPool } from '../../ports/agent.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Membership } from '../../ports/membership.ts';
import type { Raft } from '../../ports/raft.ts';
import type { VersionInfo } from '../../ports/releases.ts';
import type { Store } from '../../ports/store.ts';
import type { Journal } from '../journal/journal.ts';
import type { EventDraft } from '../update/event.ts';
import type { UpdateRecord } from '../update/record.ts';
import type { UpdatePlan } from '../update/update-plan.ts';
import type { RollingUpdater } from '../updater.ts';
import type { Control, ControlAction, StartRequest } from './control-api.ts';
import { readStatus } from './read-status.ts';
import { listReleases } from './release-rows.ts';
import { getUpdate, resolveId, watchUpdate } from './watch-update.ts';

export interface ControlDeps {
  clusterId: string;
  selfNodeId: string;
  store: Store;
  journal: Journal;
  membership: Membership;
  raft: Raft;
  clientPool: ClientPool;
  clock: Clock;
  updater: RollingUpdater;
  heartbeatMs: number;
  /** Control of another node, by address; it is closed when the one question that it was made for is answered. */
  controlAt(address: string): Control & { close(): void };
  /** version.json of a release in this node's own store; null: not here. */
  describeRelease(buildHash: string): Promise<VersionInfo | null>;
  approveMember(nodeId: string): Promise<void>;
}

export function createControl(deps: ControlDeps): Control {
  const { journal, updater } = deps;

  const plan = (request: StartRequest): Promise<UpdatePlan> =>
    atLeader(
      deps,
      () => updater.preflight(request),
      (leader) => leader.plan(request),
    );

  const start = (request: StartRequest): Promise<UpdateRecord> =>
    atLeader(
      deps,
      async () => (await updater.start(request)).record,
      (leader) => leader.start(request),
    );

  const controlUpdate = async (id: string, action: ControlAction, by: string, why: string): Promise<UpdateRecord> => {
    const update = await resolveId(journal, id);
    const asked = journal.request(update, (now) => {
      const resumes = action === 'resume';
      const requested = resumes ? null : action;
      const text = `${by} asked to ${action}${why === '' ? '' : `: ${why}`}`;
      const event: EventDraft = { kind: 'step', nodeId: null, text };
      return {
        record: { ...now, requested, canaryPassed: now.canaryPassed || (resumes && !liftsEarlyPause(now)) },
        events: [event],
        quarantine: null,
      };
    });
    const record = await asked.catch(async (thrown) => {
      throw action === 'revert' ? await revertedLate(journal, update, asClusterError(thrown)) : thrown;
    });
    updater.wake();
    return record;
  };

  return {
    status: () => readStatus(deps),
    plan,
    start,
    watch: (updateId, after, signal) => watchUpdate(deps, updateId, after, signal),
    listUpdates: (limit) => journal.list(limit),
    getUpdate: (updateId) => getUpdate(journal, updateId),
    controlUpdate,
    listReleases: () => listReleases(deps),
    setQuarantine: async (buildHash, quarantined, by, why) => {
      if (!isBuildHash(buildHash)) {
        const next = '`claudecluster releases list` has the hashes';
        throw new ClusterError('usage', 'a build is named by its whole hash', {
          seen: buildHash,
          wanted: '64 hex digits',
          next,
        });
      }
      const at = deps.clock.wallIso();
      await journal.setQuarantine(quarantined ? { buildHash, why, at, by, evidence: null } : { buildHash, lift: true });
    },
    approveNode: (nodeId) => deps.approveMember(nodeId),
  };
}

/**
 * An update that has ended takes no wish any more, and a revert of it is the one that makes sense all the same: how its
 * nodes go back is said instead (P8).
 */
async function revertedLate(journal: Journal, id: string, error: ClusterError): Promise<ClusterError> {
  const ended = error.code === 'not-found' ? await journal.get(id) : null;
  if (ended === null) return error;
  const updated = ended.tasks.filter((task) => task.direction === 'forward' && task.phase === 'committed');
  const [before, ...others] = new Set(updated.map((task) => task.from?.buildHash));
  const release = before !== undefined && others.length === 0 ? before.slice(0, 12) : 'HASH';
  return new ClusterError('not-found', `update ${id} has ended: only one that runs is reverted`, {
    seen: `it has ended: ${ended.outcome}`,
    wanted: 'an update that runs',
    next: `update to what ran before: \`claudecluster update ${release}\`; \`claudecluster releases list\` shows what the nodes have`,
  });
}

/** Who lifts a pause before the first node is updated has seen no canary yet, and has let none pass. */
function liftsEarlyPause({ requested, tasks }: UpdateRecord): boolean {
  return requested === 'pause' && !tasks.some((task) => task.phase === 'committed');
}

/** Here when we lead, there when somebody else does. Throws 'no-leader'. */
async function atLeader<T>(
  deps: ControlDeps,
  here: () => Promise<T>,
  there: (control: Control) => Promise<T>,
): Promise<T> {
  const { leader } = await deps.raft.leadership();
  if (leader === deps.selfNodeId) return here();
  const info = (await deps.membership.getAllNodes()).find((node) => node.nodeId === leader);
  if (leader === null || info === undefined || info.status === 'offline') {
    throw new ClusterError('no-leader', 'the cluster has no leader at this moment', {
      seen: leader === null ? 'nobody holds the lease' : `${leader} is ${info?.status ?? 'unknown'}`,
      wanted: 'a leader',
      next: 'try again in a few seconds: `claudecluster status`',
    });
  }
  const other = deps.controlAt(info.address);
  try {
    return await there(other);
  } finally {
    other.close();
  }
}
