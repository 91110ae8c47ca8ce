/** A lease that knows by the monotonic clock until when it is certainly alive. etcd3's own notices a loss after 2 TTL. */
import type { Clock } from '../../ports/clock.ts';
import type { Lease } from '../../ports/store.ts';
import type { Asker } from './ask.ts';
import { callDeadline, type Endpoint } from './connect.ts';

/** Pause after a keepalive that failed, ms. */
const retryMs = 150;

/** Lease ids travel as decimal text in etcd3's messages and as hex everywhere in our records. */
export const leaseToHex = (decimal: string): string => (decimal === '0' ? '' : BigInt(decimal).toString(16));
export const leaseToDecimal = (hex: string): string => (hex === '' ? '0' : BigInt(`0x${hex}`).toString(10));

/**
 * Grants a lease of at least `ttlSeconds` and keeps it. It counts as lost from a tenth of the TTL before the server can
 * have ended it (P6): the server counts from when it got the last keepalive, we from when we sent it.
 */
export async function grantLease(asker: Asker, clock: Clock, ttlSeconds: number): Promise<Lease> {
  let sentMs = clock.nowMs();
  const granted = await asker.ask('write', (endpoint, timeoutMs) => {
    sentMs = clock.nowMs();
    return endpoint.client.leaseClient.leaseGrant({ TTL: Math.max(1, Math.ceil(ttlSeconds)) }, callDeadline(timeoutMs));
  });
  const ttlMs = Number(granted.TTL) * 1_000;
  const goodForMs = ttlMs * 0.9;
  const lost = new AbortController();
  const stop = new AbortController();
  let goodUntilMs = sentMs + goodForMs;

  const alive = (): boolean => !lost.signal.aborted && !stop.signal.aborted && clock.nowMs() < goodUntilMs;

  const keep = async (): Promise<void> => {
    let pauseMs = ttlMs / 3;
    while (!stop.signal.aborted) {
      await clock.sleep(Math.max(1, Math.min(pauseMs, goodUntilMs - clock.nowMs())), stop.signal);
      if (stop.signal.aborted) return;
      if (clock.nowMs() >= goodUntilMs) break;
      const askedMs = clock.nowMs();
      const timeoutMs = Math.min(ttlMs / 3, goodUntilMs - askedMs);
      const answer = await keepAliveOnce(asker, granted.ID, timeoutMs);
      if (answer === 'ended') break;
      if (answer === 'kept') goodUntilMs = askedMs + goodForMs;
      pauseMs = answer === 'kept' ? ttlMs / 3 : retryMs;
    }
    if (!stop.signal.aborted) lost.abort();
  };
  void keep();

  return {
    id: leaseToHex(granted.ID),
    lost: lost.signal,
    alive,
    revoke: async () => {
      stop.abort();
      lost.abort();
      await asker
        .ask('write', (endpoint, timeoutMs) =>
          endpoint.client.leaseClient.leaseRevoke({ ID: granted.ID }, callDeadline(Math.min(timeoutMs, 1_000))),
        )
        .catch(() => undefined); // It ends by itself after its TTL.
    },
  };
}

type KeepAlive = 'kept' | 'ended' | 'no answer';

async function keepAliveOnce(asker: Asker, id: string, timeoutMs: number): Promise<KeepAlive> {
  const endpoint = asker.inOrder()[0];
  if (!endpoint) return 'no answer';
  const answer = await oneKeepAlive(endpoint, id, timeoutMs);
  if (answer === 'no answer') asker.suspect(endpoint);
  return answer;
}

async function oneKeepAlive(endpoint: Endpoint, id: string, timeoutMs: number): Promise<KeepAlive> {
  try {
    const stream = await endpoint.client.leaseClient.leaseKeepAlive(callDeadline(timeoutMs));
    return await new Promise<KeepAlive>((resolve) => {
      stream.on('error', () => resolve('no answer'));
      stream.on('end', () => resolve('no answer'));
      stream.on('data', (answer) => {
        resolve(answer.TTL === '0' ? 'ended' : 'kept');
        stream.end();
      });
      stream.write({ ID: id });
    });
  } catch {
    return 'no answer';
  }
}
