/** The members of the Raft group as each of them answers, and as the nodes that they run on. */
import { asClusterError } from '../errors.ts';
import type { RaftPeer } from '../ports/raft.ts';
import type { RaftAdmin, RaftMember, RaftMemberStatus } from '../ports/raft-admin.ts';

/** What a member answered just now. */
export interface Answer {
  member: RaftMember;
  address: string;
  status: RaftMemberStatus | null;
  error: string;
}

/** Asks one member itself, at its own address and nowhere else. Never throws. @param timeoutMs of the question */
export async function askMember(admin: RaftAdmin, member: RaftMember, timeoutMs: number): Promise<Answer> {
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

export const nameOf = (member: RaftMember): string => member.name || member.memberId;
export const votersOf = (answers: Answer[]): number =>
  answers.filter((answer) => answer.member.kind === 'voter').length;

/** memberId of the leader that the members of the highest term name; '' for none. */
export function leaderOf(answers: Answer[]): string {
  const newest = Math.max(0, ...answers.map((answer) => answer.status?.term ?? 0));
  return answers.find((one) => one.status?.term === newest && one.status.leaderMemberId)?.status?.leaderMemberId ?? '';
}

/** The members as nodes, by nodeId. */
export function toPeers(answers: Answer[]): RaftPeer[] {
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
