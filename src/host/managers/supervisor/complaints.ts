/** Says what is wrong once, and once that it is over: a disk that fails at every look must not fill what is left of it. */
import { errno } from '../../../base/files.ts';
import type { Logger } from '../../../ports/logger.ts';

export interface Complaints {
  /** Logs it, unless the last word on this matter was the same. */
  say(matter: string, thrown: unknown): void;
  /** Logs that it is over, if something was said of it. */
  over(matter: string): void;
}

export function createComplaints(logger: Logger): Complaints {
  const said = new Map<string, string>();
  return {
    say(matter, thrown) {
      const seen = errno(thrown) || (thrown instanceof Error ? thrown.message : String(thrown));
      if (said.get(matter) === seen) return;
      said.set(matter, seen);
      logger.error(
        { seen, err: thrown instanceof Error ? thrown.message : undefined },
        `${matter}; the supervisor goes on`,
      );
    },
    over(matter) {
      if (said.delete(matter)) logger.info({}, `over: ${matter}`);
    },
  };
}
