/** `node commit`: one unlink, which exactly one of commit and rollback gets. */
import { join } from 'node:path';
import { readBootId } from '../base/boot.ts';
import { createDisk, errno, quietly, removeDurable, writeJsonAtomic } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import { noteCommitted } from '../release/committed.ts';
import { markDamaged } from '../trial/damage-file.ts';
import { beginProbation } from '../trial/probation-view.ts';
import { lastCommitFile, progressPath, type Trial } from '../trial/trial-file.ts';
import { readHealthyMarker, readInstalled, readLastRollback, readTrial } from '../trial/trial-view.ts';
import { admitEpoch } from './epoch.ts';
import {
  exclusively,
  guard,
  needUpdateId,
  otherTrial,
  result,
  type VerbDeps,
  type VerbResult,
} from './verb-context.ts';

export interface CommitRequest {
  updateId: string;
  epoch: number;
  /** The process that was judged: one started since has proved nothing (P4). Without it any start of the release will do. */
  incarnation?: string;
}

/**
 * Ends the trial in favour of its release. The removal of trial.json is the commit: of a commit and a rollback at the
 * same time exactly one gets it. What is committed stays on probation. Throws ClusterError 'usage' | 'stale-epoch' |
 * 'trial-busy' | 'refused' | 'verify-failed' | 'release-invalid' | 'disk' | 'unavailable' (the epoch could not be asked
 * for: the trial goes on, call again).
 */
export async function commit(deps: VerbDeps, request: CommitRequest): Promise<VerbResult> {
  const { updateId, epoch } = request;
  needUpdateId(updateId);
  return exclusively(deps, `commit ${updateId}`, async () => {
    await admitEpoch(deps, epoch);
    guard(deps);
    const trial = readTrial(deps.base);
    if (trial === null) return commitAgain(deps, updateId);
    if (trial.updateId !== updateId) throw otherTrial(deps, trial, updateId);
    requireRunning(deps, trial, request.incarnation);
    await requireWhole(deps, trial);
    // Hashing took its time, and from here on nothing waits any more.
    requireRunning(deps, trial, request.incarnation);
    startProbation(deps, trial);
    if (!claimCommit(deps)) return commitAgain(deps, updateId);
    await afterCommit(deps, trial);
    return result(deps, 'commit', updateId, true, `releases/${trial.release} is committed`);
  });
}

/**
 * What becomes the known-good release is what it was at the switch: a process on trial may have written beside itself (P7).
 * One that is not whole is marked, which makes the node unhealthy, so that its trial ends at once and for this reason.
 */
async function requireWhole(deps: VerbDeps, { release }: Trial): Promise<void> {
  try {
    await deps.verifyRelease(deps.base, release);
  } catch (thrown) {
    const { message: why } = asClusterError(thrown);
    quietly(() => markDamaged(deps.base, { release, why, at: deps.clock.wallIso() }, deps.disk));
    throw thrown;
  }
}

/** What this commit does not keep is counted on by the whole update, so without it there is no commit. */
function startProbation(deps: VerbDeps, trial: Trial): void {
  try {
    beginProbation(deps.base, trial, deps.clock.wallIso(), deps.disk);
  } catch (cause) {
    const next = 'make room on the disk, or make it writable; until then the trial goes on, and ends in a rollback';
    const seen = errno(cause) || String(cause);
    throw new ClusterError('disk', 'cannot write probation.json', { nodeId: deps.nodeId, seen, next }, cause);
  }
}

function claimCommit(deps: VerbDeps): boolean {
  try {
    return removeDurable(nodePaths(deps.base).trial, deps.disk);
  } catch (cause) {
    const next = 'make the disk writable; until then the trial goes on, and ends in a rollback';
    throw new ClusterError(
      'disk',
      'cannot remove trial.json',
      { nodeId: deps.nodeId, seen: errno(cause), next },
      cause,
    );
  }
}

/** The commit is done; what follows may fail or be cut short, and the guard tidies up. */
async function afterCommit(deps: VerbDeps, trial: Trial): Promise<void> {
  const { base, clock } = deps;
  const disk = deps.disk ?? createDisk();
  const { updateId, release } = trial;
  quietly(() => writeJsonAtomic(join(base, lastCommitFile), { updateId, release, at: clock.wallIso() }, disk));
  quietly(() => noteCommitted(base, release, clock.wallIso(), disk));
  quietly(() => removeDurable(nodePaths(base).distBak, disk));
  quietly(() => removeDurable(progressPath(base), disk));
  await deps.serviceManager.disarmTrial();
  await deps.prune(base).catch(() => {});
}

/** What gets committed is what runs: the last healthy process is of the release on trial, and the one that was judged (P4). */
function requireRunning(deps: VerbDeps, trial: Trial, incarnation: string | undefined): void {
  const marker = readHealthyMarker(deps.base);
  const runs = marker !== null && marker.release === trial.release && marker.bootId === (deps.bootId ?? readBootId());
  if (runs && (incarnation === undefined || marker.incarnation === incarnation)) return;
  const which = incarnation === undefined ? '' : ` as ${incarnation}`;
  throw new ClusterError('refused', `what is to be committed is not running healthy on ${deps.nodeId}`, {
    nodeId: deps.nodeId,
    seen:
      marker === null
        ? 'no process has reported healthy since the last start'
        : `healthy: releases/${marker.release} as ${marker.incarnation}`,
    wanted: `healthy: releases/${trial.release}${which}`,
    next: 'wait until the node is healthy; if it does not become so, it goes back by itself',
  });
}

function commitAgain(deps: VerbDeps, updateId: string): VerbResult {
  const last = readLastRollback(deps.base);
  if (last?.updateId === updateId && readInstalled(deps.base) !== last.release) {
    throw new ClusterError('refused', `update ${updateId} has been rolled back on ${deps.nodeId}`, {
      nodeId: deps.nodeId,
      seen: `${last.cause}: ${last.why} (${last.at})`,
      wanted: 'a trial of this update',
      next: 'nothing can be committed; the node runs its known-good release',
    });
  }
  return result(deps, 'commit', updateId, false, 'nothing is on trial');
}
