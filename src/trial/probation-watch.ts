/** Ends the probation of the release that this daemon runs: when the whole update has ended, and some time after that. */

import { errno } from '../base/files.ts';
import { letGo, tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { endProbation, readProbation } from './probation-view.ts';

export interface ProbationWatchDeps {
  base: string;
  clock: Clock;
  logger: Logger;
  /** From when this daemon learned that the update has ended, ms, monotonic. */
  probationMs: number;
  /** Has the update ended, whatever way? Throws when that cannot be known now. */
  updateEnded(updateId: string): Promise<boolean>;
  healthy(): boolean;
  /** Between two looks, ms. Default 2,000. */
  pollMs?: number;
}

/** Looks until `signal` aborts. Whatever fails is tried again: as long as the probation stands, the node can go back. */
export async function watchProbation(deps: ProbationWatchDeps, signal: AbortSignal): Promise<void> {
  const look = createProbationLook(deps, signal);
  while (!signal.aborted) {
    try {
      await look();
    } catch (thrown) {
      deps.logger.debug({ seen: String(thrown) }, 'probation: not known now');
    }
    await deps.clock.sleep(deps.pollMs ?? 2_000, signal);
  }
}

/** One look at a time; it remembers since when the update is over. True: it has ended the probation. Throws what was in the way. */
export function createProbationLook(deps: ProbationWatchDeps, signal?: AbortSignal): () => Promise<boolean> {
  const { base, clock, logger, probationMs } = deps;
  let over: { id: string; sinceMs: number } | null = null;
  return async () => {
    const probation = readProbation(base);
    if (probation === null) {
      over = null;
      return false;
    }
    if (over?.id !== probation.id) {
      over = null;
      if (!(await deps.updateEnded(probation.updateId))) return false;
      over = { id: probation.id, sinceMs: clock.nowMs() };
    }
    if (clock.nowMs() - over.sinceMs < probationMs || !deps.healthy()) return false;
    if (!(await endUnderLock(deps, probation.id, signal))) return false;
    logger.info({ updateId: probation.updateId, release: probation.release }, 'probation ended');
    return true;
  };
}

/** Under the verb lock: a commit must not find its new probation removed for the old one. */
async function endUnderLock(
  { base, clock }: ProbationWatchDeps,
  id: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const lock = tryLock(nodePaths(base).verbLock, 'end of the probation');
  if (!lock.held) return false;
  try {
    if (readProbation(base)?.id !== id) return false;
    endProbation(base);
    return true;
  } catch (error) {
    if (errno(error) === 'ENOENT') return false;
    throw error;
  } finally {
    await letGo(lock, clock, signal);
  }
}
