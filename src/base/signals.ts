/**
 * Several signals as one, for as long as something waits and no longer. `AbortSignal.any` leaves a reference on each of
 * its sources that Node 20 never drops (nodejs/node#55351): on a signal that lives as long as the daemon it is a leak.
 */

export interface LinkedSignals {
  /** Aborts as soon as one of them does. */
  signal: AbortSignal;
  /** Takes back what was left on them; `signal` aborts no more. */
  unlink(): void;
}

/** Whoever links also unlinks, however the work ends: `withSignals` sees to it. */
export function linkSignals(signals: readonly (AbortSignal | undefined)[]): LinkedSignals {
  const linked = new AbortController();
  const sources = signals.filter((one) => one !== undefined);
  const abort = (): void => {
    unlink();
    linked.abort();
  };
  const unlink = (): void => {
    for (const source of sources) source.removeEventListener('abort', abort);
  };
  if (sources.some((one) => one.aborted)) linked.abort();
  else for (const source of sources) source.addEventListener('abort', abort);
  return { signal: linked.signal, unlink };
}

/** Runs `work` with one signal for all of them; nothing is left on any of them when it has ended. */
export async function withSignals<T>(
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const linked = linkSignals(signals);
  try {
    return await work(linked.signal);
  } finally {
    linked.unlink();
  }
}
