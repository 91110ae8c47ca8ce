/** Progress notifications of one call. They also keep a client from giving up on a long wait, so silence is filled. */
import type { ServerContext } from '@modelcontextprotocol/server';
import type { Clock } from '../ports/clock.ts';

/** Clients give up after 60 s without a sign by default. */
const quietMs = 5000;

export interface Progress {
  /** Sends one line; nothing when the caller did not ask for progress. Never rejects. */
  say(message: string): Promise<void>;
  /** What to say whenever nothing was said for five seconds. */
  whenQuiet(message: () => string): void;
  end(): void;
}

export function createProgress(clock: Clock, request: ServerContext): Progress {
  const token = request.mcpReq._meta?.progressToken;
  const ended = new AbortController();
  let count = 0;
  let saidMs = clock.nowMs();
  const say = async (message: string): Promise<void> => {
    if (token === undefined || ended.signal.aborted || request.mcpReq.signal.aborted) return;
    saidMs = clock.nowMs();
    // The protocol wants a number that grows with each notification; how many there will be, nobody knows.
    count += 1;
    const params = { progressToken: token, progress: count, message };
    await request.mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
  };
  return {
    say,
    whenQuiet(message) {
      const beat = async (): Promise<void> => {
        while (!ended.signal.aborted && token !== undefined) {
          await clock.sleep(1000, ended.signal);
          if (clock.nowMs() - saidMs >= quietMs) await say(message());
        }
      };
      void beat();
    },
    end: () => ended.abort(),
  };
}
