import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../adapters/system-clock.ts';
import { ClusterError } from '../errors.ts';
import type { RaftAdmin, RaftMember, RaftMemberStatus } from '../ports/raft-admin.ts';
import { createRaft } from './raft.ts';

const member = (name: string, kind: RaftMember['kind'] = 'voter'): RaftMember => ({
  memberId: `id-${name}`,
  name,
  kind,
  addresses: [`${name}:1`],
  peerUrls: [],
});
const status = (name: string, change: Partial<RaftMemberStatus> = {}): RaftMemberStatus => ({
  memberId: `id-${name}`,
  version: '3.4.23',
  term: 2,
  index: 10,
  appliedIndex: 10,
  leaderMemberId: 'id-n1',
  errors: [],
  dbSizeBytes: 0,
  ...change,
});

function group(members: RaftMember[], answers: Record<string, RaftMemberStatus>) {
  const admin = {
    members: async () => members,
    status: async (address: string) => {
      const answer = answers[address.split(':')[0] ?? ''];
      if (!answer) throw new ClusterError('unavailable', 'no answer', { seen: 'connection refused' });
      return answer;
    },
  } as unknown as RaftAdmin;
  const leadership = {
    isLeader: () => true,
    leadership: async () => ({ leader: 'n1', epoch: 1 }),
    handOver: async () => false,
  };
  return createRaft({ admin, leadership, clock });
}
const three = [member('n1'), member('n2'), member('n3')];

describe('the Raft group as nodes', () => {
  it('names the leader, and why a member is not healthy', async () => {
    const raft = group(three, { n1: status('n1'), n2: status('n2', { errors: ['NOSPACE'] }) });
    expect(await raft.getPeers()).toMatchObject([
      { nodeId: 'n1', healthy: true, isRaftLeader: true, appliedIndex: 10 },
      { nodeId: 'n2', healthy: false, reason: 'NOSPACE' },
      { nodeId: 'n3', healthy: false, appliedIndex: null, reason: 'n3:1: connection refused' },
    ]);
  });

  it('believes the newest term when members disagree on the leader', async () => {
    const newer = { term: 3, leaderMemberId: 'id-n2' };
    const raft = group(three, { n1: status('n1'), n2: status('n2', newer), n3: status('n3', newer) });
    expect(await raft.raftLeader()).toBe('n2');
    expect(await raft.term()).toBe(3);
  });

  it('does not count an answer that came from another member', async () => {
    const raft = group(three, { n1: status('n1'), n2: status('n1'), n3: status('n3') });
    expect((await raft.getPeers())[1]).toMatchObject({ nodeId: 'n2', healthy: false });
  });

  it('does not move the Raft leader to a member that is away', async () => {
    await expect(group(three, { n1: status('n1') }).moveRaftLeader('n2')).rejects.toMatchObject({
      code: 'unavailable',
    });
    await expect(group(three, { n1: status('n1') }).moveRaftLeader('n9')).rejects.toMatchObject({ code: 'not-found' });
  });
});
