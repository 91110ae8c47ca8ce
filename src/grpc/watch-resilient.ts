/** Watching an update to its end, through the loss of any node: what CLI and MCP show progress from. */
import type { UpdateEvent } from '../cluster/update/event.ts';
import { asClusterError, ClusterError, isPassing } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';

/** Control's watch; a client of the wire also says when a node has taken the watch. */
export interface WatchSource {
  watch(updateId: string, after: number, signal: AbortSignal, onOpen?: () => void): AsyncIterable<UpdateEvent>;
}

export interface WatchOptions {
  clock: Clock;
  /** Number of the last event already seen. Default 0: from the beginning. */
  after?: number;
  /** Milliseconds without any node that answers before the watch is given up. Default 60,000. */
  patienceMs?: number;
  /** The node that was watched is gone; the update goes on. Called once per loss. */
  onLost?: (error: ClusterError) => void;
  /** Another node, or the same one again, has taken the watch. */
  onFound?: () => void;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;

/**
 * Yields every event after `after` once and in order, and ends after the event of kind 'ended' or when `signal` aborts.
 * Throws ClusterError 'unavailable' when no node answered for `patienceMs`; what a node refuses is thrown at once.
 * @param updateId '' is the running or last update; the first event decides which, for all that follow
 */
export async function* watchResilient(
  source: WatchSource,
  updateId: string,
  signal: AbortSignal,
  options: WatchOptions,
): AsyncGenerator<UpdateEvent> {
  const { clock } = options;
  const patienceMs = options.patienceMs ?? 60_000;
  let id = updateId;
  let last = options.after ?? 0;
  let lostAtMs: number | null = null;
  let pauseMs = firstPauseMs;
  const found = (): void => {
    if (lostAtMs !== null) options.onFound?.();
    lostAtMs = null;
  };

  while (!signal.aborted) {
    let lost: ClusterError;
    try {
      for await (const event of source.watch(id, last, signal, found)) {
        found();
        pauseMs = firstPauseMs;
        if (event.number <= last) continue;
        id = event.updateId;
        last = event.number;
        yield event;
        if (event.kind === 'ended') return;
      }
      lost = new ClusterError('unavailable', 'the watch ended before the update did');
    } catch (thrown) {
      lost = asClusterError(thrown);
    }
    if (signal.aborted) return;
    if (!isPassing(lost.code)) throw lost; // another node, or the same one a moment later, would say no as well
    if (lostAtMs === null) {
      lostAtMs = clock.nowMs();
      options.onLost?.(lost);
    }
    if (clock.nowMs() - lostAtMs >= patienceMs) throw givenUp(lost, id, patienceMs);
    await clock.sleep(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}

function givenUp(lost: ClusterError, id: string, patienceMs: number): ClusterError {
  return new ClusterError(
    'unavailable',
    `no node answered for ${Math.round(patienceMs / 1000)} s; the update goes on without being watched`,
    { seen: lost.message, next: `claudecluster updates watch ${id}`.trim() },
    lost,
  );
}
