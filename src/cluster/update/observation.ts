/** Everything that may influence a decision, as one plain value; `../observe.ts` gathers it. */
import type { NodeHealth } from '../../ports/agent.ts';
import type { NodeRole, NodeStatus } from '../../ports/membership.ts';
import type { RaftPeer } from '../../ports/raft.ts';
import type { ReleaseRef } from '../../ports/releases.ts';

export interface Observation {
  self: string;
  /** Epoch under which self leads; 0: it does not lead. */
  epoch: number;
  nodes: NodeObservation[];
  peers: RaftPeer[];
  /** nodeId of the Raft leader; null: none known. */
  raftLeader: string | null;
  heartbeatMs: number;
  /**
   * Milliseconds, under this leader, since each await (by its `key`) began, and since a step was first done
   * (`first:<kind>:<nodeId>`) and last done (`last:<kind>:<nodeId>`). A key that is not there: 0.
   */
  waits: Record<string, number>;
}

/** Everything that may influence a decision about one node. */
export interface NodeObservation {
  nodeId: string;
  address: string;
  role: NodeRole;
  status: NodeStatus;
  lastSeenMsAgo: number | null;
  protocol: { min: number; max: number };
  /** What the membership record says that it runs. */
  release: ReleaseRef | null;
  /** Its own answer just now; null: no answer. */
  health: NodeHealth | null;
  /** Why there was no answer. */
  healthError: string;
  /**
   * Consecutive heartbeats that this leader saw of the incarnation that answers now, since that incarnation first
   * answered healthy; 0 when it is not healthy now. A heartbeat is a linearizable write by the node (P4).
   */
  heartbeats: number;
  /** Entries behind the Raft leader; null: a worker, or unknown. */
  lag: number | null;
  /** Milliseconds since the lag last became smaller; null without lag. */
  lagStandsStillMs: number | null;
}
