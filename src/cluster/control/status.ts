/** `status --json`: one document for CLI, MCP and wire. */
import type { ErrorDetail } from '../../errors.ts';
import type { TrialView } from '../../ports/agent.ts';
import type { NodeRole, NodeStatus } from '../../ports/membership.ts';
import type { ReleaseRef } from '../../ports/releases.ts';
import type { UpdateRecord } from '../update/record.ts';

export interface NodeStatusView {
  nodeId: string;
  role: NodeRole;
  status: NodeStatus;
  address: string;
  release: ReleaseRef | null;
  trial: TrialView | null;
  incarnation: string;
  lastSeenMsAgo: number | null;
  healthy: boolean;
  reasons: string[];
}

export interface ClusterStatus {
  cluster: {
    id: string;
    leader: string | null;
    epoch: number;
    /** nodeId. */
    raftLeader: string | null;
    term: number;
    voters: number;
    healthyVoters: number;
    quorum: number;
  };
  nodes: NodeStatusView[];
  /** The running update; null: none. */
  update: UpdateRecord | null;
  /** The voter that is out of service by hand, under which name and since when. Absent: none, or an older build answers. */
  byHand?: { nodeId: string; updateId: string; at: string };
  /** An update runs, and the build that answers cannot read its record: why, and what to do. Absent otherwise. */
  updateProblem?: { message: string } & ErrorDetail;
  /** buildHash of the release that the cluster has committed; null before the first update. */
  release: string | null;
}
