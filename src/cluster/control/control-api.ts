import type { UpdateEvent } from '../update/event.ts';
import type { UpdateOptions } from '../update/options.ts';
import type { UpdateRecord } from '../update/record.ts';
import type { UpdatePlan } from '../update/update-plan.ts';
import type { ClusterStatus } from './status.ts';

export interface StartRequest {
  /** buildHash in the leader's store; undefined: what the leader's own `dist` is. */
  buildHash?: string;
  /** Go only if the plan still has this hash. */
  planHash?: string;
  options?: Partial<UpdateOptions>;
  /** For the record: who asks. */
  by: string;
}

export type ControlAction = 'pause' | 'resume' | 'abort' | 'revert';

/** One update in a list. */
export interface UpdateSummary {
  id: string;
  kind: UpdateRecord['kind'];
  /** Of an update whose record this build cannot read: as it says, or 'unreadable'. */
  state: UpdateRecord['state'] | 'unreadable';
  outcome: UpdateRecord['outcome'];
  target: { buildHash: string; version: string; gitCommit: string };
  startedAt: string;
  endedAt: string;
  startedBy: string;
  nodes: number;
}

export interface ReleaseRow {
  buildHash: string;
  version: string;
  gitCommit: string;
  builtAt: string;
  /** nodeIds that have it on disk, and that run it. */
  onNodes: string[];
  runningOn: string[];
  committed: boolean;
  quarantine: { why: string; at: string; by: string; evidence: unknown } | null;
}

/**
 * What CLI and MCP can ask of a cluster: implemented by src/cluster/control/control.ts on a node and by
 * src/grpc/control-client.ts on the other end of the wire. All methods throw ClusterError.
 */
export interface Control {
  status(): Promise<ClusterStatus>;
  plan(request: StartRequest): Promise<UpdatePlan>;
  /** Throws 'refused' with the refusals in the message when preflight says no, 'update-running' when one runs. */
  start(request: StartRequest): Promise<UpdateRecord>;
  /**
   * Events of the update ('' = the running or last one) after number `after`, then those that follow; ends after the
   * event of kind 'ended'. Throws 'unavailable' when the node goes away: ask another one, with the last number seen.
   */
  watch(updateId: string, after: number, signal: AbortSignal): AsyncIterable<UpdateEvent>;
  listUpdates(limit: number): Promise<UpdateSummary[]>;
  getUpdate(updateId: string): Promise<UpdateRecord>;
  controlUpdate(updateId: string, action: ControlAction, by: string, why: string): Promise<UpdateRecord>;
  listReleases(): Promise<ReleaseRow[]>;
  setQuarantine(buildHash: string, quarantined: boolean, by: string, why: string): Promise<void>;
  approveNode(nodeId: string): Promise<void>;
}
