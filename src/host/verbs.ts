/**
 * The node verbs (docs/architecture.md). Each may be called again for the same update with no further effect, and one runs at a
 * time. verb-activate.ts, verb-commit.ts, verb-rollback.ts, rehearse.ts, look.ts (`verify`): one each; trial/arm.ts: the disk side
 * of the activation; trial/guard.ts: the way back; verb-context.ts: what they share. Here: `status`, which changes nothing, and
 * `stage`, which touches nothing that runs. Their options: cli/verbs.ts.
 */

import { readTextOrNull } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import type { ProbationView, RollbackView, TrialView } from '../ports/agent.ts';
import type { VersionInfo } from '../ports/releases.ts';
import { completeReleases } from '../trial/complete.ts';
import { readDamage } from '../trial/damage-file.ts';
import { readProbationView } from '../trial/probation-view.ts';
import { parseTrial } from '../trial/trial-file.ts';
import { readHealthyMarker, readInstalled, readLastRollback, readTrialView } from '../trial/trial-view.ts';
import { readEpoch } from './epoch.ts';
import { needHash, type VerbDeps } from './verb-context.ts';

export { lookAtReleases } from './look.ts';
export { type RehearsalResult, rehearse } from './rehearse.ts';
export { type ActivateRequest, activate } from './verb-activate.ts';
export { commit } from './verb-commit.ts';
export type { VerbDeps, VerbResult } from './verb-context.ts';
export { type RollbackRequest, rollback } from './verb-rollback.ts';

export interface NodeVerbStatus {
  ok: true;
  nodeId: string;
  service: string;
  /** buildHash: what `dist` points to, what last reported healthy, and what a trial would go back to. */
  installed: string | null;
  running: string | null;
  knownGood: string | null;
  /** Complete releases on this disk, newest first. */
  staged: string[];
  trial: TrialView | null;
  /** A committed build whose starts still count. */
  probation: ProbationView | null;
  incarnation: string | null;
  lastRollback: RollbackView | null;
  /** Highest epoch seen; null: the file cannot be read. */
  epoch: number | null;
  /** What is wrong on the disk: with the trial's files (the next start puts it right), or with a release. */
  notes: string[];
}

/** What is on this node's disk; works while the daemon is down. Changes nothing. */
export function nodeStatus(deps: Pick<VerbDeps, 'base' | 'nodeId' | 'service' | 'clock'>): NodeVerbStatus {
  const { base, nodeId, service, clock } = deps;
  const paths = nodePaths(base);
  const trial = readTrialView(base, clock);
  const installed = readInstalled(base);
  const marker = readHealthyMarker(base);
  const notes: string[] = [];
  const trialText = readTextOrNull(paths.trial);
  if (trialText !== null && parseTrial(trialText) === null) notes.push('trial.json cannot be read: the node goes back');
  if (readTextOrNull(paths.trialEnding) !== null) notes.push('a rollback is not finished yet');
  for (const { release, why } of readDamage(base)) notes.push(`releases/${release} is damaged: ${why}`);
  let epoch: number | null = null;
  try {
    epoch = readEpoch(base);
  } catch (error) {
    notes.push((error as Error).message);
  }
  return {
    ok: true,
    nodeId,
    service,
    installed,
    running: marker?.release ?? null,
    knownGood: trial?.knownGood ?? installed,
    staged: completeReleases(base),
    trial,
    probation: readProbationView(base),
    incarnation: marker?.incarnation ?? null,
    lastRollback: readLastRollback(base),
    epoch,
    notes,
  };
}

export interface StageDeps {
  nodeId: string;
  /** stageRelease of src/release/stage.ts, with this node's channel to `from`. */
  stageRelease(
    hash: string,
    from: string,
  ): Promise<{ version: VersionInfo; bytesTransferred: number; alreadyThere: boolean; durationMs: number }>;
}

export interface StageResult {
  ok: true;
  verb: 'stage';
  nodeId: string;
  release: string;
  changed: boolean;
  version: VersionInfo;
  bytesTransferred: number;
  durationMs: number;
}

/**
 * Brings a release onto this node's disk; nothing that runs is touched, so it takes no lock and no epoch.
 * Throws ClusterError 'usage', or what stageRelease throws.
 */
export async function stage(deps: StageDeps, request: { release: string; from: string }): Promise<StageResult> {
  const { release, from } = request;
  needHash(release);
  const { version, bytesTransferred, alreadyThere, durationMs } = await deps.stageRelease(release, from);
  return {
    ok: true,
    verb: 'stage',
    nodeId: deps.nodeId,
    release,
    changed: !alreadyThere,
    version,
    bytesTransferred,
    durationMs,
  };
}
