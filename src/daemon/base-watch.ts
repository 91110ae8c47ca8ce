/** A daemon whose base directory is gone has nothing to run from, nothing to write to, and maybe nobody above it who sees that. */
import { createBaseLook } from '../base/base-look.ts';
import { lockHolder } from '../base/lock.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';

export interface BaseWatchDeps {
  base: string;
  clock: Clock;
  logger: Logger;
  /** Path of the lock that this process holds: in a file system that was mounted anew it tells that it is the same one. */
  lock: string;
  /** Between two looks, ms. Default 2,000. */
  pollMs?: number;
  /** Missing for so long, ms, is gone. Default 10,000. */
  goneAfterMs?: number;
}

/** Looks until `signal` aborts (null) or the base is gone for good: what was seen, in words. */
export async function watchBase(deps: BaseWatchDeps, signal: AbortSignal): Promise<string | null> {
  const { base, clock, logger, lock, goneAfterMs } = deps;
  const isOurs = (): boolean => lockHolder(lock)?.pid === process.pid;
  const times = goneAfterMs === undefined ? {} : { goneAfterMs };
  const look = createBaseLook({ base, nowMs: clock.nowMs, isOurs, ...times });
  let said = '';
  while (!signal.aborted) {
    const seen = look.look();
    if (seen === 'gone') return look.why();
    if (seen !== 'there' && said !== look.why()) logger.warn({ seen: look.why() }, 'the base directory cannot be seen');
    said = look.why();
    await clock.sleep(deps.pollMs ?? 2_000, signal);
  }
  return null;
}
