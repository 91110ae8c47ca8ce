/** What the node verbs have in common: what they need, how they answer, and that one runs at a time. */

import { readBootId } from '../base/boot.ts';
import { isBuildHash } from '../base/build-hash.ts';
import { createDisk, type Disk } from '../base/files.ts';
import { lockVerbs } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import type { TrialView } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { ServiceManager } from '../ports/service-manager.ts';
import { runGuard } from '../trial/guard.ts';
import type { GuardResult } from '../trial/guard-result.ts';
import type { RollbackCause, Trial } from '../trial/trial-file.ts';
import { readInstalled, readTrialView } from '../trial/trial-view.ts';
import type { Hooks } from './hooks.ts';

export interface VerbDeps {
  base: string;
  nodeId: string;
  service: string;
  clock: Clock;
  serviceManager: ServiceManager;
  /** The node's own last look, linearizable, right before it stops (P1). Throws ClusterError 'quorum-unsafe' or 'unavailable'. */
  quorumCheck(options: { updateId: string; acceptDowntime: boolean; epoch: number }): Promise<void>;
  /** The epoch that the cluster is at, read linearizably (P6). Throws ClusterError 'unavailable'. */
  storeEpoch(): Promise<number>;
  /** Hashes the whole tree of releases/<hash> on this disk (P7). Throws ClusterError 'verify-failed' or 'not-found'. */
  verifyRelease(base: string, hash: string): Promise<unknown>;
  /** Removes releases that nothing needs any more. */
  prune(base: string): Promise<unknown>;
  /** What is run around a restart. Default: nothing. */
  hooks?: Hooks;
  /** A word to the people on this host. Default: none. Never rejects. */
  tellPeople?(text: string): Promise<void>;
  /** How long to wait for another verb to end, ms. Default 10,000. */
  lockWaitMs?: number;
  disk?: Disk;
  bootId?: string;
}

/** What every verb that changes something answers. */
export interface VerbResult {
  ok: true;
  verb: 'activate' | 'commit' | 'rollback';
  nodeId: string;
  updateId: string;
  /** false: there was nothing to do. */
  changed: boolean;
  /** buildHash that `dist` points to now. */
  installed: string | null;
  trial: TrialView | null;
  /** One line for people. */
  what: string;
}

/** A verb's answer, with what the disk says now. */
export function result(
  deps: VerbDeps,
  verb: VerbResult['verb'],
  updateId: string,
  changed: boolean,
  what: string,
): VerbResult {
  const { base, nodeId, clock } = deps;
  const installed = readInstalled(base);
  return { ok: true, verb, nodeId, updateId, changed, installed, trial: readTrialView(base, clock), what };
}

/** Runs under the verb lock, on a disk where what an earlier crash left is cleaned up. */
export async function exclusively<T>(deps: VerbDeps, what: string, action: () => Promise<T>): Promise<T> {
  const unlock = await lockVerbs(nodePaths(deps.base).verbLock, what, deps.clock, deps.lockWaitMs ?? 10_000);
  try {
    return await action();
  } finally {
    unlock();
  }
}

/** The guard's own work under the verb lock: what a crash left is finished or cleared; `rollback` ends the trial. */
export function guard(deps: VerbDeps, rollback?: { cause: RollbackCause; why: string }): GuardResult {
  const { base, clock } = deps;
  const bootId = deps.bootId ?? readBootId();
  const disk = deps.disk ?? createDisk();
  const now = { nowMs: clock.nowMs(), wallIso: clock.wallIso() };
  return runGuard({ base, reason: 'verb', bootId, disk, ...now, ...(rollback === undefined ? {} : { rollback }) });
}

/** Throws ClusterError 'usage' for what can be no update's id. */
export function needUpdateId(updateId: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/.test(updateId)) return;
  throw new ClusterError('usage', `not an update's id: ${JSON.stringify(updateId)}`, {
    next: 'see "claudecluster updates list"',
  });
}

/** Throws ClusterError 'usage' for what is no release's name. */
export function needHash(release: string): void {
  if (isBuildHash(release)) return;
  throw new ClusterError('usage', `not a buildHash: ${JSON.stringify(release)}`, { wanted: '64 hex digits' });
}

/** The refusal of a verb that is about another update than the trial. */
export function otherTrial(deps: VerbDeps, trial: Trial, updateId: string): ClusterError {
  return new ClusterError('trial-busy', `${deps.nodeId} is on trial for another update`, {
    nodeId: deps.nodeId,
    seen: `update ${trial.updateId}`,
    wanted: `update ${updateId}`,
    next: `"claudecluster updates show ${trial.updateId}" tells what it is`,
  });
}
