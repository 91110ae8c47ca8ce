/**
 * What CLI and MCP can ask of any node. Reads are answered from the replicated store here; what only the leader can do
 * is passed on to it. The same interface stands at the other end of the wire (src/grpc/control-client.ts).
 */

import { keys } from '../base/store-keys.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { ClientPool, NodeHealth } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Membership } from '../ports/membership.ts';
import type { Raft } from '../ports/raft.ts';
import type { VersionInfo } from '../ports/releases.ts';
import type { Store } from '../ports/store.ts';
import type { Control, ControlAction, ReleaseRow, StartRequest } from './control-api.ts';
import type { Journal } from './journal.ts';
import { parseOptions } from './record-schema.ts';
import type { ClusterStatus, NodeStatusView } from './status.ts';
import { quorumWithout } from './update/quorum.ts';
import { type EventDraft, isEnded } from './update/record.ts';
import type { UpdateEvent, UpdatePlan, UpdateRecord } from './update/types.ts';
import type { RollingUpdater } from './updater.ts';

/** One look at one node for a status, ms. */
const lookTimeoutMs = 1_500;
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
      () => updater.preflight({ ...request, options: parseOptions(request.options) }),
      (leader) => leader.plan(request),
    );

  const start = (request: StartRequest): Promise<UpdateRecord> =>
    atLeader(
      async () => (await updater.start({ ...request, options: parseOptions(request.options) })).record,
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
      if (!/^[0-9a-f]{64}$/.test(buildHash)) {
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

async function look(deps: ControlDeps, address: string): Promise<{ health: NodeHealth | null; error: string }> {
  try {
    return { health: await deps.clientPool.getConnection(address).healthCheck(lookTimeoutMs), error: '' };
  } catch (thrown) {
    return { health: null, error: asClusterError(thrown).message };
  }
}

async function readStatus(deps: ControlDeps): Promise<ClusterStatus> {
  const [infos, peers, term, leadership, update, release, byHand] = await Promise.all([
    deps.membership.getAllNodes(),
    deps.raft.getPeers(),
    deps.raft.term(),
    deps.raft.leadership(),
    deps.journal.current(),
    deps.journal.committedRelease(),
    deps.journal.byHand(),
  ]);
  const looks = await Promise.all(infos.map((info) => look(deps, info.address)));
  const nodes = infos.map((info, at): NodeStatusView => {
    const { health, error } = looks[at] ?? { health: null, error: 'not looked at' };
    return {
      nodeId: info.nodeId,
      role: info.role,
      status: info.status,
      address: info.address,
      release: health?.release ?? info.release,
      trial: health?.trial ?? null,
      incarnation: health?.incarnation ?? info.incarnation,
      lastSeenMsAgo: info.lastSeenMsAgo,
      healthy: health?.healthy ?? false,
      reasons: health?.reasons ?? [`no answer: ${error}`],
    };
  });
  const quorum = quorumWithout({ peers, nodes: infos }, null);
  return {
    cluster: {
      id: deps.clusterId,
      leader: leadership.leader,
      epoch: leadership.epoch,
      raftLeader: peers.find((peer) => peer.isRaftLeader)?.nodeId ?? null,
      term,
      voters: quorum.voters,
      healthyVoters: quorum.healthyOthers,
      quorum: quorum.quorum,
    },
    nodes,
    update,
    ...(byHand === null ? {} : { byHand: { nodeId: byHand.nodeId, updateId: byHand.updateId, at: byHand.at } }),
    release: release?.buildHash ?? null,
  };
}

async function listReleases(deps: ControlDeps): Promise<ReleaseRow[]> {
  const [infos, quarantined, committed] = await Promise.all([
    deps.membership.getAllNodes(),
    deps.journal.quarantined(),
    deps.journal.committedRelease(),
  ]);
  const looks = await Promise.all(infos.map((info) => look(deps, info.address)));
  const rows = new Map<string, ReleaseRow>();
  const row = (buildHash: string): ReleaseRow => {
    const found = rows.get(buildHash) ?? emptyRow(buildHash);
    rows.set(buildHash, found);
    return found;
  };
  infos.forEach((info, at) => {
    const health = looks[at]?.health ?? null;
    if (health === null) return;
    for (const hash of health.staged) row(hash).onNodes.push(info.nodeId);
    const running = row(health.release.buildHash);
    running.runningOn.push(info.nodeId);
    running.version = health.release.version;
    running.gitCommit = health.release.gitCommit;
  });
  for (const entry of quarantined) {
    row(entry.buildHash).quarantine = { why: entry.why, at: entry.at, by: entry.by, evidence: entry.evidence };
  }
  if (committed !== null) row(committed.buildHash).committed = true;
  for (const one of rows.values()) {
    const version = await deps.describeRelease(one.buildHash);
    if (version === null) continue;
    Object.assign(one, { version: version.version, gitCommit: version.gitCommit, builtAt: version.builtAt });
  }
  return [...rows.values()].sort((one, two) => (one.builtAt < two.builtAt ? 1 : -1));
}

function emptyRow(buildHash: string): ReleaseRow {
  return {
    buildHash,
    version: '',
    gitCommit: '',
    builtAt: '',
    onNodes: [],
    runningOn: [],
    committed: false,
    quarantine: null,
  };
}
