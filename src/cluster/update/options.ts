/** Every number of an update, with its meaning and its default. Times in milliseconds. */
export interface UpdateOptions {
  /** From the activation to `healthy` on the new incarnation. Default 60,000. */
  healthTimeoutMs: number;
  /** From `healthy` to stable. Default 45,000. */
  stabilizeTimeoutMs: number;
  /** The node's own deadline for the commit, from the switch. Default 120,000. */
  trialMs: number;
  /** Starts of the build on trial before the node goes back. Default 3. */
  bootsMax: number;
  /** Consecutive heartbeats of one incarnation that stability needs. Default 3. */
  heartbeats: number;
  /** Raft entries that a voter may be behind the leader to count as caught up. Default 1,000. */
  maxLagEntries: number;
  /** Staging one node, transfer and verification. Default 600,000. */
  stageTimeoutMs: number;
  /** Nodes staged at once. Default 4. */
  stageConcurrency: number;
  /** Running tasks may finish for this long before they are ended. Default 30,000. */
  drainTimeoutMs: number;
  /** A gate (quorum, catching up, hand-over) may be waited for this long before the update stops. Default 60,000. */
  gateTimeoutMs: number;
  /** Rolling back one node, from the request to healthy on the known-good release. Default 180,000. */
  rollbackTimeoutMs: number;
  /** What happens to the nodes already updated when one fails. Default 'abort'. */
  onFailure: 'abort' | 'revert';
  /** Let the cluster be without quorum while one of one or two voters restarts. Default false. */
  acceptDowntime: boolean;
  /** Check the way back on every node before the first one is taken out of service. Default false. */
  rehearse: boolean;
  /** Stop after the first node until an operator resumes, or for canaryMs. Default false. */
  canary: boolean;
  /** How long the canary is watched before the walk goes on by itself; 0: until an operator resumes. Default 0. */
  canaryMs: number;
  /** Only these nodeIds; empty: all. Default empty. */
  only: string[];
  /** At most so many nodes; 0: all. Default 0. */
  max: number;
  /** Leave nodes that are offline to the straggler's update later, where the quorum allows. Default false. */
  skipOffline: boolean;
  /** Workers that may be out of service at once; voters are always one at a time. Default 1. */
  maxUnavailableWorkers: number;
}

export const defaultOptions: UpdateOptions = {
  healthTimeoutMs: 60_000,
  stabilizeTimeoutMs: 45_000,
  trialMs: 120_000,
  bootsMax: 3,
  heartbeats: 3,
  maxLagEntries: 1_000,
  stageTimeoutMs: 600_000,
  stageConcurrency: 4,
  drainTimeoutMs: 30_000,
  gateTimeoutMs: 60_000,
  rollbackTimeoutMs: 180_000,
  onFailure: 'abort',
  acceptDowntime: false,
  rehearse: false,
  canary: false,
  canaryMs: 0,
  only: [],
  max: 0,
  skipOffline: false,
  maxUnavailableWorkers: 1,
};
