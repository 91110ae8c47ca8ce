/**
 * What CLI and MCP can ask of any node. Reads are answered from the replicated store here; what only the leader can do
 * is passed on to it. The same interface stands at the other end of the wire (src/grpc/control-client.ts).
 */

import { isBuildHash } from '../base/build-hash.ts';
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Membership } from '../ports/membership.ts';
import type { Raft } from '../ports/raft.ts';
import type { VersionInfo } from '../ports/releases.ts';
import type { Store } from '../ports/store.ts';
import type { Control, ControlAction, StartRequest } from './control-api.ts';
import type { Journal } from './journal.ts';
import { readStatus } from './read-status.ts';
import { listReleases } from './release-rows.ts';
import type { EventDraft, UpdateEvent } from './update/event.ts';
import { isEnded, type UpdateRecord } from './update/record.ts';
import type { UpdatePlan } from './update/update-plan.ts';
import type { RollingUpdater } from './updater.ts';

/** A watch reads again after this long even without a hint, ms. */
const rereadMs = 1_000;

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
  const { journal, raft, membership, updater } = deps;

  /** Here when we lead, there when somebody else does. Throws 'no-leader'. */
  const atLeader = async <T>(here: () => Promise<T>, there: (control: Control) => Promise<T>): Promise<T> => {
    const { leader } = await raft.leadership();
    if (leader === deps.selfNodeId) return here();
    const info = (await membership.getAllNodes()).find((node) => node.nodeId === leader);
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
  };

  const plan = (request: StartRequest): Promise<UpdatePlan> =>
    atLeader(
      () => updater.preflight(request),
      (leader) => leader.plan(request),
    );

  const start = (request: StartRequest): Promise<UpdateRecord> =>
    atLeader(
      async () => (await updater.start(request)).record,
      (leader) => leader.start(request),
    );

  /** '' is the running update, or else the last one. */
  const resolveId = async (updateId: string): Promise<string> => {
    if (updateId !== '') return updateId;
    const id = (await journal.current())?.id ?? (await journal.list(1))[0]?.id;
    if (id === undefined)
      throw new ClusterError('not-found', 'there was no update yet', { next: '`claudecluster update`' });
    return id;
  };

  const getUpdate = async (updateId: string): Promise<UpdateRecord> => {
    const id = await resolveId(updateId);
    const record = await journal.get(id);
    if (record !== null) return record;
    throw new ClusterError('not-found', `there is no update ${id}`, { seen: id, next: '`claudecluster updates list`' });
  };

  async function* watch(updateId: string, after: number, signal: AbortSignal): AsyncGenerator<UpdateEvent> {
    const id = (await getUpdate(updateId)).id;
    let hint = new AbortController();
    const wake = (): void => hint.abort();
    signal.addEventListener('abort', wake);
    const watcher = await deps.store.watch(keys.events(id), wake);
    try {
      let last = after;
      while (!signal.aborted) {
        hint = new AbortController();
        // Watches are hints: what was written is read again.
        for (const event of await journal.events(id, last)) {
          yield event;
          last = event.number;
          if (event.kind === 'ended') return;
        }
        // Events may have been pruned, or the last one seen before: the record says whether more will come.
        const record = await journal.get(id);
        if (record === null || (isEnded(record) && last >= record.lastEvent)) return;
        await deps.clock.sleep(rereadMs, hint.signal);
      }
    } finally {
      signal.removeEventListener('abort', wake);
      await watcher.close();
    }
  }

  const controlUpdate = async (id: string, action: ControlAction, by: string, why: string): Promise<UpdateRecord> => {
    const update = await resolveId(id);
    const record = await journal.request(update, (now) => {
      const resumes = action === 'resume';
      const requested = resumes ? null : action;
      const text = `${by} asked to ${action}${why === '' ? '' : `: ${why}`}`;
      const event: EventDraft = { kind: 'step', nodeId: null, text };
      return {
        record: { ...now, requested, canaryPassed: now.canaryPassed || resumes },
        events: [event],
        quarantine: null,
      };
    });
    updater.wake();
    return record;
  };

  return {
    status: () => readStatus(deps),
    plan,
    start,
    watch,
    listUpdates: (limit) => journal.list(limit),
    getUpdate,
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
