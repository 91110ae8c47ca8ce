/** Does a member serve clients? */
import { request } from 'node:https';
import type { Clock } from '../../ports/clock.ts';

export interface EtcdProbeTarget {
  /** host:port for clients. */
  address: string;
  /** PEM contents. */
  tls: { ca: Buffer; cert: Buffer; key: Buffer };
}

/** Between two attempts, ms: short, for the node's readiness waits on it. */
const pauseMs = 25;
/**
 * A member listens long before it serves; the handshake then hangs until it does. So an attempt is given time, and the
 * answer comes at the very moment when it serves.
 */
const attemptMs = 2_000;

/** True as soon as the member answers over TLS, whatever it says of its health; false when `signal` aborts first. */
export async function probeEtcd(target: EtcdProbeTarget, clock: Clock, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (await answers(target, signal)) return !signal.aborted;
    await clock.sleep(pauseMs, signal);
  }
  return false;
}

function answers(target: EtcdProbeTarget, signal: AbortSignal): Promise<boolean> {
  const at = target.address.lastIndexOf(':');
  return new Promise((resolve) => {
    const call = request({
      host: target.address.slice(0, at).replace(/^\[|\]$/g, ''),
      port: Number(target.address.slice(at + 1)),
      path: '/health',
      agent: false,
      timeout: attemptMs,
      signal,
      ...target.tls,
    });
    call.on('response', (response) => {
      response.resume();
      response.on('error', () => undefined);
      resolve(true);
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(false));
    call.end();
  });
}
