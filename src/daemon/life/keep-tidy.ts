/** Keeps the node's releases in order: at its start, and at times while it lives. Asks nobody: all of it is on its own disk. */
import { asClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { purgeStale, separateWithinRoom } from '../../release/tidy.ts';

/** Between two looks, ms. */
const lookEveryMs = 600_000;

export interface TidyParts {
  base: string;
  clock: Clock;
  logger: Logger;
  reserveBytes: number | undefined;
}

/** Removes what was left half done; before the store starts, for it may need that very room. Never rejects. */
export async function purgeLeftovers(parts: TidyParts): Promise<void> {
  await told(parts, async () => {
    const removed = await purgeStale(parts.base, parts);
    if (removed.length > 0) parts.logger.info({ removed }, 'removed what was left half done in releases/');
  });
}

/** Goes on until `signal` aborts. Never rejects. */
export async function keepTidy(parts: TidyParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await told(parts, async () => {
      const { separated, left } = await separateWithinRoom(parts.base, { reserveBytes: parts.reserveBytes, signal });
      if (separated > 0) parts.logger.info({ files: separated }, 'releases of an older build shared files: separated');
      if (left.files > 0) {
        const next =
          'make room on the disk: until then what a build writes into its own files can reach another release';
        parts.logger.warn({ ...left, next }, 'releases share files, and there is no room to separate them');
      }
    });
    await parts.clock.sleep(lookEveryMs, signal);
    if (!signal.aborted) await purgeLeftovers(parts);
  }
}

/** A disk that refuses must not end a node that serves: it is told, and tried again. */
async function told(parts: TidyParts, work: () => Promise<void>): Promise<void> {
  await work().catch((thrown: unknown) => {
    parts.logger.warn({ err: asClusterError(thrown).toJSON() }, 'cannot keep releases/ in order');
  });
}
