import type { ReleaseRef } from './releases.ts';

export type NodeRole = 'voter' | 'worker';
export type NodeStatus = 'active' | 'draining' | 'offline' | 'pending_approval';

/** A node as the cluster knows it. */
export interface NodeInfo {
  nodeId: string;
  /** host:port of its gRPC server. */
  address: string;
  role: NodeRole;
  status: NodeStatus;
  /** The observer's own monotonic ms at which the last new heartbeat was seen; null: none seen by this observer. */
  lastSeen: number | null;
  /** `now - lastSeen` in ms at the time of the call; null as above. */
  lastSeenMsAgo: number | null;
  /** Random id of the present start of its daemon; '' when the node is offline. */
  incarnation: string;
  /** Grows by one with every heartbeat of one incarnation. */
  heartbeatSeq: number;
  release: ReleaseRef | null;
  /** buildHash on trial, or null. */
  trial: string | null;
  /** It says that a release on its disk is not whole. Absent: it does not, or its build cannot. */
  damaged?: boolean;
  protocol: { min: number; max: number };
}

export interface Membership {
  /** Every node that the cluster knows, offline ones too, sorted by nodeId. */
  getAllNodes(): Promise<NodeInfo[]>;
}
