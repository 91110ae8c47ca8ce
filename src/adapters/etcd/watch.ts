/** A watch that is made again whenever it ends. etcd3's own can die without a word (issues #31, #72, #110). */
import { ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Watch } from '../../ports/store.ts';
import type { Asker } from './ask.ts';
import type { Endpoint } from './connect.ts';
import { endOfPrefix } from './range.ts';

const backoffFirstMs = 50;
const backoffMostMs = 1_000;

/** `onChange` is called for every answer with events, and after every gap. Throws ClusterError 'unavailable'. */
export async function watchPrefix(
  asker: Asker,
  clock: Clock,
  prefix: string,
  onChange: () => void,
  startTimeoutMs: number,
): Promise<Watch> {
  const stop = new AbortController();
  const started = new AbortController();
  let gap = false;

  const run = async (): Promise<void> => {
    let backoffMs = backoffFirstMs;
    while (!stop.signal.aborted) {
      const endpoint = asker.inOrder()[0];
      if (!endpoint) return;
      await oneWatch(endpoint, prefix, stop.signal, {
        onCreated: () => {
          backoffMs = backoffFirstMs;
          started.abort();
          if (gap) onChange(); // What happened in the gap is not known.
        },
        onEvents: onChange,
      });
      if (stop.signal.aborted) return;
      gap = true;
      asker.suspect(endpoint);
      await clock.sleep(backoffMs, stop.signal);
      backoffMs = Math.min(backoffMs * 2, backoffMostMs);
    }
  };
  const running = run();
  await clock.sleep(startTimeoutMs, started.signal);
  if (!started.signal.aborted) {
    stop.abort();
    throw new ClusterError('unavailable', `the store took no watch on ${prefix} in ${startTimeoutMs} ms`);
  }
  return {
    close: async () => {
      stop.abort();
      await running;
    },
  };
}

interface WatchEvents {
  onCreated(): void;
  onEvents(): void;
}

/** Resolves when the stream has ended, for whatever reason. */
async function oneWatch(endpoint: Endpoint, prefix: string, stop: AbortSignal, events: WatchEvents): Promise<void> {
  try {
    const stream = await endpoint.client.watchClient.watch();
    await new Promise<void>((ended) => {
      const cancel = (): void => {
        stream.cancel();
        ended();
      };
      const finish = (): void => {
        stop.removeEventListener('abort', cancel);
        ended();
      };
      stop.addEventListener('abort', cancel, { once: true });
      stream.on('error', finish);
      stream.on('end', finish);
      stream.on('data', (answer) => {
        if (answer.created) events.onCreated();
        if (answer.events.length > 0) events.onEvents();
        if (answer.canceled) {
          stream.cancel();
          finish();
        }
      });
      if (stop.aborted) return cancel();
      stream.write({
        create_request: { key: Buffer.from(prefix), range_end: endOfPrefix(prefix), progress_notify: true },
      });
    });
  } catch {
    // Not even the stream could be made: the caller tries again.
  }
}
