/** The `Raft` port: the group's members as nodes, and its leader. */
import { asClusterError, ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Raft, RaftPeer } from '../ports/raft.ts';
import type { RaftAdmin, RaftMember, RaftMemberStatus } from '../ports/raft-admin.ts';
import type { LeadershipHandle } from './leadership.ts';

export interface RaftOptions {
  admin: RaftAdmin;
  leadership: Pick<LeadershipHandle, 'isLeader' | 'leadership' | 'handOver'>;
  clock: Clock;
  /** Deadline of the question to one member, ms. Default 1,000. */
  statusTimeoutMs?: number;
  /** How long a move of the Raft leader may take until the group agrees, ms. Default 5,000. */
  moveTimeoutMs?: number;
}

/** What a member answered just now. */
interface Answer {
  member: RaftMember;
  address: string;
  status: RaftMemberStatus | null;
  error: string;
}

export interface RaftView extends Raft {
  /** nodeId of the Raft leader as most members see it; null: none known. */
  raftLeader(): Promise<string | null>;
}

export function createRaft(options: RaftOptions): RaftView {
  const { admin, leadership, clock, statusTimeoutMs = 1_000, moveTimeoutMs = 5_000 } = options;

  const askAll = async (timeoutMs = statusTimeoutMs): Promise<Answer[]> => {
    const members = await admin.members();
    return Promise.all(members.map((member) => askOne(admin, member, timeoutMs)));
  };

  const moveRaftLeader = async (toNodeId: string): Promise<void> => {
    const answers = await askAll();
    const target = answers.find((answer) => answer.member.name === toNodeId);
    if (target?.member.kind !== 'voter') {
      throw new ClusterError('not-found', `${toNodeId} has no voter in the Raft group`, {
        nodeId: toNodeId,
        seen: answers.map((answer) => nameOf(answer.member)).join(', '),
        wanted: 'a voter of that name',
      });
    }
    const leaderId = leaderOf(answers);
    if (leaderId === target.member.memberId) return;
    // A transfer to a member that is away stops all writes until etcd gives it up.
    if (!target.status || target.status.leaderMemberId === '') {
      const seen = target.error || 'it sees no Raft leader';
      throw new ClusterError('unavailable', `${toNodeId} cannot take the Raft leader now`, { nodeId: toNodeId, seen });
    }
    const leader = answers.find((answer) => answer.member.memberId === leaderId);
    if (!leader) throw new ClusterError('unavailable', 'the Raft group has no leader now', { next: 'try again' });
    await admin.moveLeader(leader.address, target.member.memberId);
    const endsAtMs = clock.nowMs() + moveTimeoutMs;
    for (;;) {
      const seen = await askAll(Math.min(statusTimeoutMs, 300));
      // A majority of the full group must see the new leader, not only the one that answered the command.
      const agree = seen.filter((one) => one.status?.leaderMemberId === target.member.memberId).length;
      if (agree >= quorumOf(votersOf(seen))) return;
      if (clock.nowMs() >= endsAtMs) {
        throw new ClusterError('unavailable', `the Raft leader did not move to ${toNodeId}`, {
          nodeId: toNodeId,
          seen: `${agree} of ${votersOf(seen)} members agree after ${moveTimeoutMs} ms`,
          wanted: `${quorumOf(votersOf(seen))}`,
        });
      }
      await clock.sleep(20);
    }
  };

  return {
    getPeers: async () => toPeers(await askAll()),
    term: async () => Math.max(0, ...(await askAll()).map((answer) => answer.status?.term ?? 0)),
    raftLeader: async () => toPeers(await askAll()).find((peer) => peer.isRaftLeader)?.nodeId ?? null,
    isLeader: () => leadership.isLeader(),
    leadership: () => leadership.leadership(),
    moveRaftLeader,
    handOver: (toNodeId) => leadership.handOver(toNodeId),
  };
}

async function askOne(admin: RaftAdmin, member: RaftMember, timeoutMs: number): Promise<Answer> {
  const address = member.addresses[0] ?? '';
  if (address === '') return { member, address, status: null, error: 'it has never started' };
  try {
    const status = await admin.status(address, timeoutMs);
    if (status.memberId === member.memberId) return { member, address, status, error: '' };
    return { member, address, status: null, error: `another member (${status.memberId}) answers at ${address}` };
  } catch (thrown) {
    const { message, detail } = asClusterError(thrown);
    return { member, address, status: null, error: `${address}: ${detail.seen ?? message}` };
  }
}

const nameOf = (member: RaftMember): string => member.name || member.memberId;
const votersOf = (answers: Answer[]): number => answers.filter((answer) => answer.member.kind === 'voter').length;

/** How many voters are a quorum of `voters`. */
export const quorumOf = (voters: number): number => Math.floor(voters / 2) + 1;

/** memberId of the leader that the members of the highest term name; '' for none. */
function leaderOf(answers: Answer[]): string {
  const newest = Math.max(0, ...answers.map((answer) => answer.status?.term ?? 0));
  return answers.find((one) => one.status?.term === newest && one.status.leaderMemberId)?.status?.leaderMemberId ?? '';
}

function toPeers(answers: Answer[]): RaftPeer[] {
  const leader = leaderOf(answers);
  return answers
    .map(({ member, status, error }): RaftPeer => {
      const reason = status === null ? error : problemOf(status);
      return {
        nodeId: nameOf(member),
        memberId: member.memberId,
        kind: member.kind,
        healthy: reason === '',
        appliedIndex: status?.appliedIndex ?? null,
        isRaftLeader: status !== null && member.memberId === leader && leader !== '',
        reason,
      };
    })
    .sort((a, b) => a.nodeId.localeCompare(b.nodeId));
}

function problemOf(status: RaftMemberStatus): string {
  if (status.leaderMemberId === '') return 'it sees no Raft leader';
  return status.errors.join('; ');
}

export interface RaftLeaderKeeperOptions {
  raft: Pick<RaftView, 'raftLeader' | 'moveRaftLeader' | 'isLeader'>;
  clock: Clock;
  logger: Logger;
  nodeId: string;
  /** False while an update decides itself where the Raft leader is to be, or this node runs no healthy voter. */
  mayMoveRaftLeader(): boolean | Promise<boolean>;
  /** At most one move in this time, ms. Default 10,000. */
  everyMs?: number;
}

/** Keeps the Raft leader on the node that leads: its writes then take one hop less. Returns what stops it. */
export function keepRaftLeaderHere(options: RaftLeaderKeeperOptions): () => Promise<void> {
  const { raft, clock, logger, nodeId, everyMs = 10_000 } = options;
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(everyMs, stopping.signal);
      if (stopping.signal.aborted) return;
      if (!raft.isLeader()) continue;
      try {
        const leader = await raft.raftLeader();
        if (leader === null || leader === nodeId || !(await options.mayMoveRaftLeader())) continue;
        logger.info({ nodeId, from: leader }, 'taking the Raft leader to the node that leads');
        await raft.moveRaftLeader(nodeId);
      } catch (thrown) {
        logger.debug({ nodeId, error: asClusterError(thrown).message }, 'Raft leader not moved');
      }
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
}
