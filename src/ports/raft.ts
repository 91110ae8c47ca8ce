/** The Raft group (etcd) and the cluster's leadership, as the updater sees them. */

export interface RaftPeer {
  /** nodeId of the host that runs the member; the member's name where no node is known for it. */
  nodeId: string;
  /** Hex. */
  memberId: string;
  kind: 'voter' | 'learner';
  /** Its own endpoint answered a status call and reports no alarm. */
  healthy: boolean;
  /** Raft applied index that the member itself reported; null when it did not answer. */
  appliedIndex: number | null;
  isRaftLeader: boolean;
  /** Why it is not healthy; '' when it is. */
  reason: string;
}

export interface Leadership {
  /** nodeId of the holder; null: nobody. */
  leader: string | null;
  /** Fencing number: grows with every change of leader. */
  epoch: number;
}

export interface Raft {
  /** One call per member, each pinned to that member's endpoint. */
  getPeers(): Promise<RaftPeer[]>;
  /** Present Raft term; 0 when unknown. */
  term(): Promise<number>;
  /** Does this node hold the leadership lease, as far as it knows? */
  isLeader(): boolean;
  /** Linearizable. */
  leadership(): Promise<Leadership>;
  /** Moves the Raft leader to the voter on that node and waits until its group agrees. */
  moveRaftLeader(toNodeId: string): Promise<void>;
  /**
   * Hands the leadership to another node in one transaction: its epoch is ours plus one.
   * False when it could not be done (the target has no lease, we lost ours): then nothing changed.
   */
  handOver(toNodeId: string): Promise<boolean>;
}
