/** The `Raft` port: its group as nodes (raft-peers.ts), and its leader moved where it is wanted. */
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Raft } from '../ports/raft.ts';
import type { RaftAdmin } from '../ports/raft-admin.ts';
import type { LeadershipHandle } from './leadership/leadership.ts';
import { type Answer, askMember, leaderOf, nameOf, toPeers, votersOf } from './raft-peers.ts';
import { quorumOf } from './update/quorum.ts';

export interface RaftOptions {
  admin: RaftAdmin;
  leadership: Pick<LeadershipHandle, 'isLeader' | 'leadership' | 'handOver'>;
  clock: Clock;
  /** Deadline of the question to one member, ms. Default 1,000. */
  statusTimeoutMs?: number;
  /** How long a move of the Raft leader may take until the group agrees, ms. Default 5,000. */
  moveTimeoutMs?: number;
}

export interface RaftView extends Raft {
  /** nodeId of the Raft leader as most members see it; null: none known. */
  raftLeader(): Promise<string | null>;
}

export function createRaft(options: RaftOptions): RaftView {
  const { admin, leadership, clock, statusTimeoutMs = 1_000, moveTimeoutMs = 5_000 } = options;

  const askAll = async (timeoutMs = statusTimeoutMs): Promise<Answer[]> => {
    const members = await admin.members();
    return Promise.all(members.map((member) => askMember(admin, member, timeoutMs)));
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
