/** `node rollback`: the guard's own way back, at somebody's word. */
import { join } from 'node:path';
import { readBootId } from '../base/boot.ts';
import { readTextOrNull } from '../base/files.ts';
import { ClusterError } from '../errors.ts';
import type { GuardResult } from '../trial/guard-result.ts';
import { lastCommitFile, type Trial } from '../trial/trial-file.ts';
import { readHealthyMarker, readInstalled, readLastRollback, readTrial } from '../trial/trial-view.ts';
import { refuseFormer } from './epoch.ts';
import {
  exclusively,
  guard,
  needUpdateId,
  otherTrial,
  result,
  type VerbDeps,
  type VerbResult,
} from './verb-context.ts';

export interface RollbackRequest {
  /** With these it is a leader's command, without an operator's. */
  updateId?: string;
  epoch?: number;
  why?: string;
}

/**
 * Ends the trial in favour of the known-good release, and asks for a restart. Nothing of the new release is needed.
 * Throws ClusterError 'usage' | 'stale-epoch' | 'trial-busy' | 'refused' | 'operator-needed' | 'disk' | 'service-manager'.
 */
export async function rollback(deps: VerbDeps, request: RollbackRequest): Promise<VerbResult> {
  const { updateId, epoch } = request;
  if (updateId !== undefined) needUpdateId(updateId);
  return exclusively(deps, `rollback ${updateId ?? ''}`.trim(), async () => {
    // It asks nobody and keeps nothing: a way back must work without a quorum (P3).
    if (epoch !== undefined) refuseFormer(deps.base, epoch, deps.nodeId);
    const armed = readTrial(deps.base);
    const first = guard(deps);
    const trial = readTrial(deps.base);
    if (trial === null) return rollbackAgain(deps, updateId, { first, armed });
    if (updateId !== undefined && trial.updateId !== updateId) throw otherTrial(deps, trial, updateId);
    const cause = epoch === undefined ? 'operator' : 'leader';
    const done = guard(deps, {
      cause,
      why: request.why ?? `asked for by ${cause === 'leader' ? 'the leader' : 'an operator'}`,
    });
    if (done.rolledBack === null) throw notRolledBack(deps, trial, done);
    await deps.serviceManager.disarmTrial();
    if (!runsKnownGood(deps, trial)) await deps.serviceManager.requestRestart(`rollback of update ${trial.updateId}`);
    return result(
      deps,
      'rollback',
      trial.updateId,
      true,
      `releases/${trial.release} was rolled back: ${done.rolledBack.why}`,
    );
  });
}

function notRolledBack(deps: VerbDeps, trial: Trial, done: GuardResult): ClusterError {
  const { nodeId } = deps;
  const seen = done.notes.join('; ');
  if (done.action === 'disk-refused') {
    return new ClusterError('disk', `${nodeId} could not switch back`, {
      nodeId,
      seen,
      next: 'make the disk writable, then roll back again',
    });
  }
  return new ClusterError('operator-needed', `${nodeId} has no complete release to go back to`, {
    nodeId,
    seen,
    wanted: `releases/${trial.knownGood} or any other, complete`,
    next: 'stage a good release on this node, then roll back again',
  });
}

/**
 * A disk that took no changes had the guard start the known-good release, since the trial began: the leader may have seen
 * that this node is back, and have gone on to the next one. A restart now would take a second voter away (P1). Where this is
 * wrong the supervisor still sees that something else runs than what is installed.
 */
function runsKnownGood(deps: VerbDeps, armed: Trial | null): boolean {
  const marker = readHealthyMarker(deps.base);
  if (marker === null || marker.release !== readInstalled(deps.base)) return false;
  return marker.bootId === (deps.bootId ?? readBootId()) && (armed === null || marker.atMs > armed.startedAtMs);
}

interface Found {
  /** What the guard did before anything was asked of it. */
  first: GuardResult;
  /** The trial before that. */
  armed: Trial | null;
}

async function rollbackAgain(
  deps: VerbDeps,
  updateId: string | undefined,
  { first, armed }: Found,
): Promise<VerbResult> {
  const { nodeId, base } = deps;
  const last = readLastRollback(base);
  if (first.rolledBack !== null) {
    if (!runsKnownGood(deps, armed)) {
      await deps.serviceManager.requestRestart('an interrupted rollback was finished');
    }
    return result(
      deps,
      'rollback',
      first.rolledBack.updateId,
      true,
      `an interrupted rollback was finished: ${first.rolledBack.why}`,
    );
  }
  if (updateId === undefined) {
    throw new ClusterError('refused', `${nodeId} is not on trial`, {
      nodeId,
      seen: `releases/${readInstalled(base) ?? '?'} is committed`,
      wanted: 'a trial',
      next: 'to go back to an earlier release: claudecluster updates revert',
    });
  }
  if (last?.updateId !== updateId && committedUpdate(base) === updateId) {
    throw new ClusterError('refused', `update ${updateId} is committed on ${nodeId}`, {
      nodeId,
      seen: 'its trial has ended in a commit',
      wanted: 'a trial',
      next: `to undo a committed update: claudecluster updates revert ${updateId}`,
    });
  }
  // The switch back may have been done and its restart not: what answers healthy must be what is installed.
  const marker = readHealthyMarker(base);
  const installed = readInstalled(base);
  if (
    last?.updateId === updateId &&
    marker !== null &&
    marker.release === last.release &&
    marker.release !== installed
  ) {
    await deps.serviceManager.requestRestart(`rollback of update ${updateId}`);
  }
  return result(deps, 'rollback', updateId, false, 'nothing is on trial');
}

function committedUpdate(base: string): string | null {
  try {
    const text = readTextOrNull(join(base, lastCommitFile));
    const { updateId } = JSON.parse(text ?? '{}') as { updateId?: unknown };
    return typeof updateId === 'string' ? updateId : null;
  } catch {
    return null;
  }
}
