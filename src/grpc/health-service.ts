/** The standard health protocol, for load balancers, probes and grpcurl. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { withSignals } from '../base/signals.ts';
import { ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { send, serverStream, unary } from './calls.ts';

type Serving = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
interface CheckRequest {
  service: string;
}
interface CheckResponse {
  status: Serving;
}

export interface HealthService {
  implementation: UntypedServiceImplementation;
  /** Tells every watcher too. */
  setServing(serving: boolean): void;
}

/**
 * @param services full names that have a status, beside '' for the whole server; all of them share one
 * @param stopping aborts when the server begins to stop: watches end then, or it could not
 */
export function createHealthService(services: readonly string[], logger: Logger, stopping: AbortSignal): HealthService {
  const known = new Set(['', ...services]);
  const watchers = new Set<() => void>();
  let serving = false;
  const statusOf = (service: string): Serving => {
    if (!known.has(service)) return 'SERVICE_UNKNOWN';
    return serving ? 'SERVING' : 'NOT_SERVING';
  };

  const check = unary<CheckRequest, CheckResponse>(logger, ({ service }) => {
    const status = statusOf(service);
    if (status === 'SERVICE_UNKNOWN') {
      throw new ClusterError('not-found', 'no such service here', { seen: JSON.stringify(service.slice(0, 80)) });
    }
    return { status };
  });

  const watch = serverStream<CheckRequest, CheckResponse>(logger, async (call, signal) => {
    const { service } = call.request;
    const readerLeft = await withSignals([signal, stopping], async (until) => {
      let last: Serving | null = null;
      for (;;) {
        const status = statusOf(service);
        if (status !== last && !(await send(call, { status }))) return true;
        last = status;
        if (until.aborted) return false;
        if (statusOf(service) === last) await changed(watchers, until);
      }
    });
    if (!readerLeft) throw new ClusterError('unavailable', 'this node is stopping');
  });

  const list = unary<object, { statuses: Record<string, CheckResponse> }>(logger, () => ({
    statuses: Object.fromEntries([...known].map((service) => [service, { status: statusOf(service) }])),
  }));

  return {
    implementation: { Check: check, Watch: watch, List: list } as unknown as UntypedServiceImplementation,
    setServing: (now) => {
      serving = now;
      for (const wake of [...watchers]) wake();
    },
  };
}

function changed(watchers: Set<() => void>, until: AbortSignal): Promise<void> {
  if (until.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = (): void => {
      watchers.delete(wake);
      until.removeEventListener('abort', wake);
      resolve();
    };
    watchers.add(wake);
    until.addEventListener('abort', wake, { once: true });
  });
}
