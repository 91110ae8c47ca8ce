/** What the Raft engine (etcd) answers about its members; src/cluster/raft.ts makes the `Raft` port from it. */

export interface RaftMember {
  /** Hex. */
  memberId: string;
  /** The nodeId of the host that runs it; '' when it never started. */
  name: string;
  kind: 'voter' | 'learner';
  /** host:port for clients; empty when it never started. */
  addresses: string[];
  peerUrls: string[];
}

export interface RaftMemberStatus {
  memberId: string;
  version: string;
  term: number;
  /** Committed, and applied by this member. */
  index: number;
  appliedIndex: number;
  /** As this member believes; '' for none. */
  leaderMemberId: string;
  /** Alarms, or that it has no leader. */
  errors: string[];
  dbSizeBytes: number;
}

/** All methods throw ClusterError 'unavailable' when nobody answers in time. */
export interface RaftAdmin {
  members(): Promise<RaftMember[]>;
  /** Of the member at that address and no other. `timeoutMs` default 1,000. */
  status(address: string, timeoutMs?: number): Promise<RaftMemberStatus>;
  /** Must be sent to the Raft leader's own address. */
  moveLeader(leaderAddress: string, toMemberId: string): Promise<void>;
  alarms(): Promise<{ memberId: string; alarm: string }[]>;
  close(): Promise<void>;
}
