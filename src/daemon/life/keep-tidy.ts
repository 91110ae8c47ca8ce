/**
 * Keeps the node's releases in order: at its start, when an update has ended, and at times while it lives. What an update
 * in course still fills is kept, and so is all of it while nobody can say whether one runs.
 */
import { asClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { type PurgeOptions, purgeStale, separateWithinRoom } from '../../release/tidy.ts';

/** Between two looks, ms. */
const lookEveryMs = 600_000;
/** From a hint to the question what became of the update, ms: one step makes many hints, and one question answers them. */
const settleMs = 2_000;
/** With no update, a partial that was tried less than so long ago may be that of a push, which comes in several calls, ms. */
const pushMs = 60_000;

export interface TidyParts {
  base: string;
  clock: Clock;
  logger: Logger;
  reserveBytes: number | undefined;
  /** The update that runs, null for none. Rejects when that cannot be told. */
  update(): Promise<RunningUpdate | null>;
}

export interface RunningUpdate {
  id: string;
  /** buildHash that it brings. */
  target: string;
}

export interface Tidy {
  /** Removes what was left half done; before the store starts, for it may need that very room. Never rejects. */
  purge(): Promise<void>;
  /** Something about the update may have changed. */
  hint(): void;
  /** Goes on until `signal` aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

export function createTidy(parts: TidyParts): Tidy {
  const { base, clock, logger, reserveBytes } = parts;
  const beganMs = clock.nowMs();
  /** The update that was seen last; undefined: nobody could say yet. */
  let seen: RunningUpdate | null | undefined;
  let hinted = false;
  let wake = new AbortController();
  let dueMs = beganMs;

  const purge = (options: PurgeOptions = {}): Promise<void> =>
    told(parts, async () => {
      const removed = await purgeStale(base, { reserveBytes, ...options });
      if (removed.length > 0) logger.info({ removed }, 'removed what was left half done in releases/');
    });

  const separate = (signal: AbortSignal): Promise<void> =>
    told(parts, async () => {
      const { separated, left } = await separateWithinRoom(base, { reserveBytes, signal });
      if (separated > 0) logger.info({ files: separated }, 'releases of an older build shared files: separated');
      if (left.files > 0) {
        const next =
          'make room on the disk: until then what a build writes into its own files can reach another release';
        logger.warn({ ...left, next }, 'releases share files, and there is no room to separate them');
      }
    });

  /** Where no update runs any more nobody goes on with what it left, nor, after a start, with what was left before. */
  const follow = async (): Promise<void> => {
    const now = await parts.update();
    const before = seen;
    seen = now;
    const ended = before?.target === now?.target ? undefined : before?.target;
    if (now === null) {
      const sinceStartMs = before === undefined ? clock.nowMs() - beganMs : pushMs;
      await purge({ keepYoungerMs: Math.min(pushMs, sinceStartMs), unwanted: ended });
      if (before !== null) dueMs = Math.min(dueMs, clock.nowMs() + pushMs); // For what was too young just now.
    } else if (ended !== undefined) {
      await purge({ unwanted: ended });
    }
  };

  const lookAround = async (signal: AbortSignal, first: boolean): Promise<void> => {
    dueMs = clock.nowMs() + lookEveryMs;
    await separate(signal);
    if (!first) await purge(seen === null ? { keepYoungerMs: pushMs } : {});
  };

  return {
    purge: () => purge(),
    hint: () => {
      hinted = true;
      wake.abort();
    },
    run: async (signal) => {
      signal.addEventListener('abort', () => wake.abort(), { once: true });
      for (let first = true; !signal.aborted; first = false) {
        if (first || clock.nowMs() >= dueMs) await lookAround(signal, first);
        if (hinted) {
          hinted = false;
          await follow().catch((thrown: unknown) => {
            logger.debug({ error: asClusterError(thrown).message }, 'whether an update runs: asked again');
            hinted = true;
          });
        }
        wake = new AbortController();
        if (signal.aborted) return;
        if (!hinted) await clock.sleep(Math.max(0, dueMs - clock.nowMs()), wake.signal);
        if (hinted) await clock.sleep(settleMs, signal);
      }
    },
  };
}

/** A disk that refuses must not end a node that serves: it is told, and tried again. */
async function told(parts: TidyParts, work: () => Promise<void>): Promise<void> {
  await work().catch((thrown: unknown) => {
    parts.logger.warn({ err: asClusterError(thrown).toJSON() }, 'cannot keep releases/ in order');
  });
}
