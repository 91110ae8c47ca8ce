/** `node activate`: the order of its steps is the promise that no release runs without a way back. */

import { readBootId } from '../base/boot.ts';
import { createDisk, quietly } from '../base/files.ts';
import { ClusterError } from '../errors.ts';
import { noteCommitted } from '../release/committed.ts';
import { armTrial, disarm, switchTo, type TrialOptions, trialOptions } from '../trial/arm.ts';
import { completeReleases } from '../trial/complete.ts';
import { endProbation } from '../trial/probation-view.ts';
import type { Trial } from '../trial/trial-file.ts';
import { readInstalled, readLastRollback, readTrial, readTrialView } from '../trial/trial-view.ts';
import { admitEpoch } from './epoch.ts';
import { exclusively, guard, needHash, needUpdateId, result, type VerbDeps, type VerbResult } from './verb-context.ts';

export interface ActivateRequest extends Partial<TrialOptions> {
  release: string;
  updateId: string;
  epoch: number;
  acceptDowntime?: boolean;
}

/**
 * Puts a staged release on trial: verify (P7), epoch (P6), quorum (P1), hook, arm, switch, ask for the restart.
 * A repeated call for the same trial asks for the restart again if the release has not been started yet.
 * Throws ClusterError 'usage' | 'not-found' | 'verify-failed' | 'stale-epoch' | 'quorum-unsafe' (an answer was no) |
 * 'unavailable' (nobody answered: ask again) | 'trial-busy' | 'quarantined' | 'refused' (by the hook, or an epoch that nobody
 * had) | 'operator-needed' | 'service-manager' | 'disk'. Then nothing is switched, but
 * for a restart that could not be asked for: there the trial stands, with its limits.
 */
export async function activate(deps: VerbDeps, request: ActivateRequest): Promise<VerbResult> {
  const { release, updateId, epoch } = request;
  needUpdateId(updateId);
  needHash(release);
  const options = trialOptions(request);
  return exclusively(deps, `activate ${updateId}`, async () => {
    await deps.verifyRelease(deps.base, release);
    await admitEpoch(deps, epoch);
    guard(deps);
    const trial = readTrial(deps.base);
    if (trial !== null) return activateAgain(deps, request, trial);
    if (readInstalled(deps.base) === release) {
      return result(deps, 'activate', updateId, false, `releases/${release} is installed and committed already`);
    }
    refuseFailedBefore(deps, request);
    const knownGood = wayBack(deps);
    const look = () => deps.quorumCheck({ updateId, acceptDowntime: request.acceptDowntime ?? false, epoch });
    await look();
    if (deps.hooks !== undefined) {
      await deps.hooks.beforeRestart({ updateId, release });
      // It may have taken its time, and the last look is right before the stop (P1).
      await unlessAbandoned(deps, look);
    }
    await deps.tellPeople?.(`claudecluster: ${deps.nodeId} restarts now, for update ${updateId}.`);
    const { nodeId, service, clock } = deps;
    const stamp = {
      id: clock.randomId(8),
      bootId: deps.bootId ?? readBootId(),
      startedAtMs: clock.nowMs(),
      armedAt: clock.wallIso(),
    };
    await unlessAbandoned(deps, () =>
      putOnTrial(deps, { v: 1, service, updateId, release, knownGood, epoch, ...stamp, ...options }),
    );
    return result(deps, 'activate', updateId, true, `${nodeId} is on trial with releases/${release}`);
  });
}

/** What the hook before the restart did is undone where no restart follows. */
async function unlessAbandoned(deps: VerbDeps, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (readTrial(deps.base) === null) await deps.hooks?.afterRestart();
    throw cause;
  }
}

async function putOnTrial(deps: VerbDeps, trial: Trial): Promise<void> {
  const disk = deps.disk ?? createDisk();
  // What ran until now was committed here, whoever did that: an older build keeps no list.
  quietly(() => noteCommitted(deps.base, trial.knownGood, trial.armedAt, disk));
  armTrial(deps.base, trial, disk);
  try {
    await deps.serviceManager.armTrial();
    switchTo(deps.base, trial.release, disk);
    // The way back of a trial is what ran: its own probation is over. One that stays means nothing beside a trial.
    quietly(() => endProbation(deps.base, disk));
  } catch (cause) {
    disarm(deps.base, trial, disk);
    await deps.serviceManager.disarmTrial();
    throw cause;
  }
  // From here on the trial stays whatever happens: a request that failed may have been taken all the same, and then
  // the release on trial runs. Its limits hold either way, and a repeated call asks again.
  await deps.serviceManager.requestRestart(`update ${trial.updateId}: trial of ${trial.release}`);
}

async function activateAgain(deps: VerbDeps, request: ActivateRequest, trial: Trial): Promise<VerbResult> {
  const { release, updateId } = request;
  if (trial.updateId !== updateId || trial.release !== release) {
    throw new ClusterError('trial-busy', `${deps.nodeId} is on trial for something else`, {
      nodeId: deps.nodeId,
      seen: `update ${trial.updateId}, releases/${trial.release}`,
      wanted: `no trial, or that of update ${updateId} with releases/${release}`,
      next: `end that trial first: claudecluster node rollback --update ${trial.updateId}`,
    });
  }
  const view = readTrialView(deps.base, deps.clock, deps.bootId);
  if (view?.bootsUsed !== 0) return result(deps, 'activate', updateId, false, 'on trial already');
  // Switched, and never started: the verb ended between the switch and the request.
  await deps.serviceManager.armTrial();
  await deps.serviceManager.requestRestart(`update ${updateId}: trial of ${release}`);
  return result(deps, 'activate', updateId, false, 'on trial already; the restart was asked for again');
}

/** A late or doubled command of the same update must not put back what this node has just got rid of. */
function refuseFailedBefore(deps: VerbDeps, request: ActivateRequest): void {
  const last = readLastRollback(deps.base);
  if (last === null || last.updateId !== request.updateId || last.release !== request.release) return;
  throw new ClusterError(
    'quarantined',
    `this update's trial of releases/${request.release} has been rolled back here`,
    {
      nodeId: deps.nodeId,
      seen: `${last.cause}: ${last.why} (${last.at})`,
      wanted: 'an update that this node has not rolled back',
      next: 'start a new update, with another build or with the quarantine lifted',
    },
  );
}

/** The release that runs now, if it can be gone back to. */
function wayBack(deps: VerbDeps): string {
  const installed = readInstalled(deps.base);
  if (installed !== null && completeReleases(deps.base).includes(installed)) return installed;
  throw new ClusterError('operator-needed', `${deps.nodeId} has no release to go back to`, {
    nodeId: deps.nodeId,
    seen:
      installed === null
        ? 'dist is no link to a release'
        : `releases/${installed} lacks index.js, guard.js or version.json`,
    wanted: 'dist -> releases/<hash>, complete',
    next: 'restart the supervisor, which turns a plain dist/ into a release, or install a complete release',
  });
}
