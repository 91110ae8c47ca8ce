/** The ports of one process of the simulated cluster: its clock, its log, its view of the members and of the Raft group. */
import { parseAs } from '../../src/base/parse-as.ts';
import { keys } from '../../src/base/store-keys.ts';
import type { LeadershipHandle } from '../../src/cluster/leadership/leadership.ts';
import { quorumCheck } from '../../src/cluster/quorum-check.ts';
import { ClusterError } from '../../src/errors.ts';
import type { VerbDeps } from '../../src/host/verb-context.ts';
import { type NodeRecord, nodeRecordSchema } from '../../src/members/records.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { Membership, NodeInfo } from '../../src/ports/membership.ts';
import type { Raft, RaftPeer } from '../../src/ports/raft.ts';
import type { Store } from '../../src/ports/store.ts';
import { countCall, type Proc } from './scheduler.ts';
import { readBack } from './texts.ts';
import type { Host, World } from './types.ts';

const wallStart = Date.UTC(2026, 0, 1);

export function clockOf(world: World, host: Host, proc: Proc): Clock {
  const { sched } = world;
  return {
    nowMs: () => 1_000 + sched.now() - host.bootedAtMs,
    wallIso: () => isoOf(wallStart + sched.now() + host.wallOffsetMs),
    randomId: (bytes) => world.random.hex(bytes),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        let over = false;
        const end = (): void => {
          if (over) return;
          over = true;
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        // Woken in an event of its own process, for whoever aborts may be another one.
        const wake = (): void => {
          sched.cancel(timer);
          sched.after(proc, 0, end);
        };
        signal?.addEventListener('abort', wake, { once: true });
        const timer = sched.after(proc, Math.ceil(ms), end);
      }),
  };
}

let lastIsoMs = Number.NaN;
let lastIso = '';

/** Asked for several times in the same moment. */
function isoOf(ms: number): string {
  if (ms !== lastIsoMs) lastIso = new Date(ms).toISOString();
  lastIsoMs = ms;
  return lastIso;
}

const quiet = (): void => undefined;

/** Logs go into the trace, warnings and errors only: what a run does shows in the record. */
export function loggerOf(world: World, name: string): Logger {
  const tell = (fields: object, message: string): void => {
    const { step, seen, error, err, raftLeader } = fields as Record<string, unknown>;
    const detail = step ?? seen ?? error ?? (err as { message?: string } | undefined)?.message ?? raftLeader ?? '';
    world.trace.line(`${name}: ${message} ${detail}`);
    // Also one that does not come again: nothing in here may be a surprise to the code.
    if (message.startsWith('a fault of ours') && world.ownFault === '')
      world.violate('record', `${name}: ${message}: ${detail}`);
  };
  const logger: Logger = { debug: quiet, info: tell, warn: tell, error: tell, child: () => logger };
  return logger;
}

export function membershipOf(world: World, store: Store): Membership {
  return {
    getAllNodes: async () => {
      const records = new Map<string, string>();
      for (const kv of await store.list(keys.nodes)) records.set(kv.key, kv.value);
      return world.hosts.map((host) => nodeInfo(world, host, records.get(keyOf(host))));
    },
  };
}

/** A node's record as a heartbeat writes it. */
export type BeatRecord = NodeRecord & { writtenMs: number };

const keyOf = ({ id }: Host): string => keys.node(id);

function nodeInfo(world: World, host: Host, text: string | undefined): NodeInfo {
  const { id: nodeId, address, role } = host;
  const record = text === undefined ? null : readRecord(text);
  const protocol = record?.protocol ?? protocolOf(world, host);
  if (record === null) {
    const gone = { status: 'offline', lastSeen: null, lastSeenMsAgo: null, incarnation: '', heartbeatSeq: 0 } as const;
    return { nodeId, address, role, protocol, release: null, trial: null, ...gone };
  }
  const lastSeenMsAgo = world.sched.now() - record.writtenMs;
  const stale = lastSeenMsAgo > Math.max(world.leaseMs, 3 * world.heartbeatMs);
  return {
    nodeId,
    address,
    role,
    protocol,
    status: stale ? 'offline' : record.status,
    lastSeen: record.writtenMs,
    lastSeenMsAgo,
    incarnation: stale ? '' : record.incarnation,
    heartbeatSeq: stale ? 0 : record.seq,
    release: record.release,
    trial: record.trial,
    ...(record.damaged === true ? { damaged: true } : {}),
  };
}

/** Records of this run as this version's schema reads them: the same few are asked for all the time. */
const read = new Map<string, BeatRecord | null>();

/** null: this version cannot use it, as src/members/membership.ts has it. */
function readRecord(text: string): BeatRecord | null {
  if (!globalThis.simMixed) return readBack(text) as BeatRecord;
  const known = read.get(text);
  if (known !== undefined) return known;
  const parsed = parseAs(text, nodeRecordSchema);
  const record = 'value' in parsed ? (parsed.value as BeatRecord) : null;
  if (read.size > 200) read.clear();
  read.set(text, record);
  return record;
}

/** As its entry in the list of members has it, which stays when the node is away: by what it ran when it last started. */
function protocolOf(world: World, host: Host): NodeInfo['protocol'] {
  return world.sideOf(host.ranLast).protocol;
}

/** One look at every member; what is not reached costs the whole time limit. */
export async function lookAtPeers(world: World, proc: Proc): Promise<RaftPeer[]> {
  const { group, net, sched } = world;
  countCall(proc);
  const reached = (id: string): boolean => net.both(proc.hostId, id) && !net.lost();
  const answers = new Map(world.voters.map((id) => [id, reached(id)]));
  const slow = world.voters.some((id) => !answers.get(id) || (group.member(id)?.frozenUntil ?? 0) > sched.now());
  return sched.later(proc, slow ? 1_000 : net.latencyMs() + net.latencyMs(), () =>
    world.voters.map((nodeId): RaftPeer => {
      const member = group.member(nodeId);
      const up = member?.up === true && member.frozenUntil <= sched.now() && answers.get(nodeId) === true;
      const reason = !up ? 'does not answer' : group.serves(nodeId) ? '' : 'it sees no Raft leader';
      const isRaftLeader = up && group.leader === nodeId;
      const appliedIndex = up ? group.index() - group.lag(nodeId) : null;
      return { nodeId, memberId: nodeId, kind: 'voter', healthy: reason === '', appliedIndex, isRaftLeader, reason };
    }),
  );
}

function moveRaftLeaderOf(world: World, proc: Proc): Raft['moveRaftLeader'] {
  const { group, sched, net } = world;
  return (to) => {
    countCall(proc);
    return sched.later(proc, net.latencyMs() + net.latencyMs(), () => {
      if (group.leader === null || !net.both(proc.hostId, group.leader) || !group.transfer(to)) {
        throw new ClusterError('unavailable', `the Raft leader did not move to ${to}`);
      }
    });
  };
}

export function raftOf(world: World, proc: Proc, leadership: LeadershipHandle): Raft {
  const { group } = world;
  return {
    getPeers: async () => {
      if (world.ownFault === 'look') throw new TypeError('peers.nobody is not a function');
      return lookAtPeers(world, proc);
    },
    term: async () => group.term,
    isLeader: () => leadership.isLeader(),
    leadership: () => leadership.leadership(),
    moveRaftLeader: moveRaftLeaderOf(world, proc),
    handOver: (to) => leadership.handOver(to),
  };
}

export function quorumCheckOf(world: World, host: Host, proc: Proc, store: Store): VerbDeps['quorumCheck'] {
  const raft = { getPeers: () => lookAtPeers(world, proc), moveRaftLeader: moveRaftLeaderOf(world, proc) };
  const deps = { store, raft, clock: clockOf(world, host, proc) };
  return (asked) => quorumCheck(deps, host.id, asked);
}
