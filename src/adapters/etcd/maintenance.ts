/** What etcd says about its members, one by one, and moving its Raft leader. */
import type { Clock } from '../../ports/clock.ts';
import type { RaftAdmin, RaftMember, RaftMemberStatus } from '../../ports/raft-admin.ts';
import { createAsker, storeError } from './ask.ts';
import { callDeadline, connectEndpoint, type Endpoint, type EtcdTls } from './connect.ts';

export interface EtcdMaintenanceOptions {
  /** host:port; any of them may be asked for the list of members. */
  endpoints: string[];
  tls: EtcdTls | undefined;
  clock: Clock;
  /** Deadline of the questions that any member can answer, ms. Default 3,000. */
  requestTimeoutMs?: number;
}

const toHex = (decimal: string): string => (decimal === '0' ? '' : BigInt(decimal).toString(16));
const toDecimal = (hex: string): string => BigInt(`0x${hex}`).toString(10);

/** Makes the `RaftAdmin` port on etcd. Clients of single members are made when first needed and kept. */
export function createEtcdMaintenance(options: EtcdMaintenanceOptions): RaftAdmin {
  const { clock, tls, requestTimeoutMs = 3_000 } = options;
  const pinned = new Map<string, Endpoint>();

  /** A status means one member only when the client has no other endpoint to choose. */
  const endpointAt = (address: string): Endpoint => {
    const known = pinned.get(address);
    if (known) return known;
    const made = connectEndpoint(address, tls);
    pinned.set(address, made);
    return made;
  };
  const asker = createAsker(options.endpoints.map(endpointAt), clock, requestTimeoutMs);

  const at = async <T>(address: string, call: (endpoint: Endpoint) => Promise<T>): Promise<T> => {
    const endpoint = endpointAt(address);
    try {
      return await call(endpoint);
    } catch (error) {
      throw storeError(error, [endpoint]);
    }
  };

  return {
    async members() {
      const answer = await asker.ask('read', (endpoint, timeoutMs) =>
        endpoint.client.cluster.memberList({}, callDeadline(timeoutMs)),
      );
      return answer.members.map(
        (member): RaftMember => ({
          memberId: toHex(member.ID),
          name: member.name,
          kind: member.isLearner ? 'learner' : 'voter',
          addresses: member.clientURLs.map((url) => url.replace(/^https?:\/\//, '')),
          peerUrls: member.peerURLs,
        }),
      );
    },

    async status(address, timeoutMs = 1_000) {
      const answer = await at(address, (endpoint) => endpoint.client.maintenance.status(callDeadline(timeoutMs)));
      return {
        memberId: toHex(answer.header.member_id),
        version: answer.version,
        term: Number(answer.raftTerm),
        index: Number(answer.raftIndex),
        // 0 is what a server from before the field existed leaves there.
        appliedIndex: Number(answer.raftAppliedIndex) || Number(answer.raftIndex),
        leaderMemberId: toHex(answer.leader),
        errors: answer.errors,
        dbSizeBytes: Number(answer.dbSize),
      } satisfies RaftMemberStatus;
    },

    async moveLeader(leaderAddress, toMemberId) {
      await at(leaderAddress, (endpoint) =>
        endpoint.client.maintenance.moveLeader({ targetID: toDecimal(toMemberId) }, callDeadline(3_000)),
      );
    },

    async alarms() {
      const answer = await asker.ask('read', (endpoint, timeoutMs) =>
        endpoint.client.maintenance.alarm({ action: 'Get' }, callDeadline(timeoutMs)),
      );
      return answer.alarms.map((alarm) => ({ memberId: toHex(alarm.memberID), alarm: String(alarm.alarm) }));
    },

    async close() {
      for (const endpoint of pinned.values()) endpoint.client.close();
      pinned.clear();
    },
  };
}
