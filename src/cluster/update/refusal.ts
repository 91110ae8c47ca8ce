/** One reason why an update may not begin (P8), and what such reasons are found in. */
import type { VersionInfo } from '../../ports/releases.ts';
import type { Observation } from './observation.ts';
import type { UpdateOptions } from './options.ts';

/** One reason why an update may not begin (P8). */
export interface Refusal {
  code: RefusalCode;
  nodeId: string | null;
  seen: string;
  wanted: string;
  next: string;
}

export type RefusalCode =
  | 'not-leader'
  | 'quorum-unsafe'
  | 'node-offline'
  | 'node-draining'
  | 'node-pending'
  | 'node-stale'
  | 'node-unhealthy'
  | 'node-on-trial'
  | 'voter-lagging'
  | 'learner-in-group'
  | 'no-raft-leader'
  | 'update-running'
  | 'by-hand'
  | 'already-at-target'
  | 'release-invalid'
  | 'protocol'
  | 'needs'
  | 'disk'
  | 'quarantined'
  | 'timing'
  | 'unknown-node'
  | 'no-way-back'
  | 'plan-changed';

export function refusal(code: RefusalCode, nodeId: string | null, seen: string, wanted: string, next: string): Refusal {
  return { code, nodeId, seen, wanted, next };
}

/** What preflight looks at, beside the observation. */
export interface PreflightInput {
  observation: Observation;
  /** Nodes whose known-good release could not be looked at, and why. */
  notLooked?: Record<string, string>;
  options: UpdateOptions;
  /** The target as the leader's own disk has it, verified just now; or why not. */
  release: { version: VersionInfo; sizeBytes: number } | { invalid: string; next: string };
  /** The update that runs, if any. */
  running: { id: string; startedBy: string; startedAt: string } | null;
  quarantine: { buildHash: string; why: string } | null;
  /** The voter that an operator took out of service by hand: the cluster can spare one (P1). Default: none. */
  byHand?: { nodeId: string; seen: string; next: string } | null;
  /** Who leads, when it is not us. */
  leader: string | null;
  /** The plan that was agreed to; null: any will do. */
  planHash: string | null;
}
