/** Watches of a node's life. They are hints: no node ends, and nothing waits, because one cannot be had. */
import { asClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store, Watch } from '../../ports/store.ts';

/** Between two attempts to have a watch, ms; until there is one, polling finds what it would have told. */
const retryMs = 1_000;

export interface HintDeps {
  store: Store;
  clock: Clock;
  logger: Logger;
}

export interface Hints {
  /** No hint comes after this; resolves when every watch is closed. Never rejects. */
  end(): Promise<void>;
}

/** Calls `onHint` when something below that prefix may have changed. A watch that is refused is asked for again. */
export function followKeys(deps: HintDeps, prefixes: readonly string[], onHint: (prefix: string) => void): Hints {
  const stopping = new AbortController();
  const had: Watch[] = [];
  const hint = (prefix: string): void => {
    if (!stopping.signal.aborted) onHint(prefix);
  };
  const trying = prefixes.map(async (prefix) => {
    const watch = await keepTrying(deps, prefix, () => hint(prefix), stopping.signal);
    if (watch === null) return;
    had.push(watch);
    if (stopping.signal.aborted) await watch.close(); // It came too late for `end`.
  });
  return {
    async end() {
      stopping.abort();
      await Promise.allSettled([...had.map((watch) => watch.close()), ...trying]);
    },
  };
}

/** The watch, when there is one; null: it was not wanted any more. Never rejects. */
async function keepTrying(
  { store, clock, logger }: HintDeps,
  prefix: string,
  hint: () => void,
  stopping: AbortSignal,
): Promise<Watch | null> {
  for (let failed = false; !stopping.aborted; failed = true) {
    try {
      const watch = await store.watch(prefix, hint);
      if (failed) hint(); // What happened while there was none is not known.
      return watch;
    } catch (thrown) {
      if (!failed) logger.warn({ err: asClusterError(thrown).toJSON(), prefix }, 'no watch yet: it is asked for again');
      await clock.sleep(retryMs, stopping);
    }
  }
  return null;
}
