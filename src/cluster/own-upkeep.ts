/**
 * What a node puts right about itself while it takes part: an epoch on its disk that the cluster never got to (P6), and the
 * place that it held by hand when it is well again and on no trial (P1, ADR 14), whichever way that trial ended.
 */
import { readTextOrNull } from '../base/files.ts';
import { letGo, tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import { keys } from '../base/store-keys.ts';
import { asClusterError } from '../errors.ts';
import { mendEpoch } from '../host/epoch.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Store } from '../ports/store.ts';
import { readInstalled } from '../trial/trial-view.ts';
import { readByHand, releaseByHand } from './by-hand.ts';
import { presentEpoch } from './present-epoch.ts';

export interface UpkeepDeps {
  base: string;
  nodeId: string;
  /** buildHash of what this process runs. */
  release: string;
  store: Store;
  clock: Clock;
  logger: Logger;
  /** Between two looks while there is something to give back, ms. */
  heartbeatMs: number;
  healthy(): boolean;
}

/** Between two looks while there is nothing, ms: the watch tells of a change, and a watch is a hint only. */
const idleMs = 60_000;

/** Goes on until `signal` aborts. Never rejects. */
export async function ownUpkeep(deps: UpkeepDeps, signal: AbortSignal): Promise<void> {
  const { store, clock, logger, nodeId } = deps;
  let wake = new AbortController();
  const hint = (): void => wake.abort();
  signal.addEventListener('abort', hint, { once: true });
  let mended = false;
  let watched = false;
  while (!signal.aborted) {
    wake = new AbortController();
    let again = true;
    try {
      if (!watched) await store.watch(keys.byHand, hint);
      watched = true;
      if (!mended) await mend(deps);
      mended = true;
      again = await giveBack(deps, signal);
    } catch (thrown) {
      logger.debug({ nodeId, error: asClusterError(thrown).message }, 'looking after itself: later');
    }
    if (!signal.aborted) await clock.sleep(again ? deps.heartbeatMs : idleMs, wake.signal);
  }
}

async function mend(deps: UpkeepDeps): Promise<void> {
  const { nodeId, base, logger, store } = deps;
  const kept = await mendEpoch({ base, nodeId, storeEpoch: () => presentEpoch(store) });
  if (kept !== null)
    logger.warn({ nodeId, epoch: kept }, 'an epoch that the cluster never got to was kept here: let go');
}

/** One look. True: this node holds the place, and not the time to give it back yet. */
export async function giveBack(deps: UpkeepDeps, signal?: AbortSignal): Promise<boolean> {
  const { store, nodeId, logger, clock } = deps;
  const held = await readByHand(store);
  if (held?.nodeId !== nodeId) return false;
  if (!isInService(deps)) return true;
  // A verb that takes the place does so under this lock, before its trial is on the disk.
  const lock = tryLock(nodePaths(deps.base).verbLock, 'giving back the place by hand');
  if (!lock.held) return true;
  try {
    if (!isInService(deps)) return true;
    if (await releaseByHand(store, nodeId)) logger.info({ ...held }, 'well again: the place by hand is given back');
    return false;
  } finally {
    await letGo(lock, clock, signal);
  }
}

/** Healthy on what `dist` leads to, with no trial and none that is being ended: nothing of ours stops it any more. */
function isInService({ base, release, healthy }: UpkeepDeps): boolean {
  const { trial, trialEnding } = nodePaths(base);
  const isThere = (path: string): boolean => readTextOrNull(path) !== null;
  return healthy() && readInstalled(base) === release && !isThere(trial) && !isThere(trialEnding);
}
