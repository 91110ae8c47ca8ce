/** Asks endpoints in order of preference, within one deadline, and says what a failure means. */
import {
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCInternalError,
  GRPCResourceExhastedError,
  GRPCUnauthenticatedError,
  GRPCUnavailableError,
  GRPCUnknownError,
} from 'etcd3';
import { saysBrokenConnection } from '../../base/broken-connection.ts';
import { ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Endpoint } from './connect.ts';

/** How long an endpoint that failed is asked last, ms. */
const suspectMs = 2_000;
/** Pause between two rounds through all endpoints, ms. */
const roundPauseMs = 50;

export interface Asker {
  /**
   * Runs `call` with the first endpoint that answers. A read is repeated elsewhere after any failure to answer; a write
   * only when it provably never was proposed, for otherwise its compare could fail against its own first effect.
   * Throws ClusterError: 'unavailable', 'not-found' (the lease is gone), 'disk' (etcd's quota), 'denied', 'internal'.
   */
  ask<T>(kind: 'read' | 'write', call: (endpoint: Endpoint, timeoutMs: number) => Promise<T>): Promise<T>;
  /** Endpoints, the one to be preferred first. */
  inOrder(): Endpoint[];
  /** The endpoint did not answer: ask it last for a while. */
  suspect(endpoint: Endpoint): void;
}

export function createAsker(endpoints: Endpoint[], clock: Clock, requestTimeoutMs: number): Asker {
  const suspectedAtMs = new Map<string, number>();

  const isSuspect = (endpoint: Endpoint): boolean => {
    const at = suspectedAtMs.get(endpoint.address);
    return at !== undefined && clock.nowMs() - at < suspectMs;
  };
  const inOrder = (): Endpoint[] => [
    ...endpoints.filter((endpoint) => !isSuspect(endpoint)),
    ...endpoints.filter((endpoint) => isSuspect(endpoint)),
  ];
  const suspect = (endpoint: Endpoint): void => {
    suspectedAtMs.set(endpoint.address, clock.nowMs());
  };

  return {
    inOrder,
    suspect,
    async ask(kind, call) {
      const endsAtMs = clock.nowMs() + requestTimeoutMs;
      let last: unknown;
      for (;;) {
        const order = inOrder();
        for (const [index, endpoint] of order.entries()) {
          const leftMs = endsAtMs - clock.nowMs();
          if (leftMs <= 0) throw storeError(last, endpoints);
          // A read leaves time for the endpoints after this one; a write has no second chance once it is sent.
          const shareMs = kind === 'read' ? leftMs / (order.length - index) : leftMs;
          try {
            return await call(endpoint, shareMs);
          } catch (error) {
            last = error;
            if (!isUnanswered(error)) throw storeError(error, endpoints);
            suspect(endpoint);
            if (kind === 'write' && !neverProposed(error)) throw storeError(error, endpoints);
          }
        }
        if (endsAtMs - clock.nowMs() <= roundPauseMs) throw storeError(last, endpoints);
        await clock.sleep(roundPauseMs);
      }
    },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** No answer, or an answer that says nothing of the effect. */
export function isUnanswered(error: unknown): boolean {
  if (
    error instanceof GRPCUnavailableError ||
    error instanceof GRPCDeadlineExceededError ||
    error instanceof GRPCCancelledError
  ) {
    return true;
  }
  // A member that is killed under a call: no refusal of the store, and no fault of ours.
  const transport = error instanceof GRPCInternalError || error instanceof GRPCUnknownError;
  if (transport && saysBrokenConnection(messageOf(error))) return true;
  // A member that waited for its Raft group as long as we let it says so in words, and sometimes before our own deadline.
  if (transport && /context (deadline exceeded|canceled)/.test(messageOf(error))) return true;
  return /raft proposal dropped|etcdserver: (request timed out|leader changed|no leader|server stopped|not capable)/.test(
    messageOf(error),
  );
}

/** The request did not leave this process, or the member said that it did not propose it. */
function neverProposed(error: unknown): boolean {
  return /No connection established|Waiting for LB pick|raft proposal dropped/.test(messageOf(error));
}

/** The boundary error for anything that a call to etcd throws. */
export function storeError(error: unknown, endpoints: Endpoint[]): ClusterError {
  if (error instanceof ClusterError) return error;
  const seen = messageOf(error ?? 'no endpoint answered in time');
  const where = endpoints.map((endpoint) => endpoint.address).join(', ');
  if (error instanceof EtcdLeaseInvalidError)
    return new ClusterError('not-found', 'the lease is gone', { seen }, error);
  if (error instanceof GRPCResourceExhastedError) {
    const next = 'free space: compact and defragment etcd, then disarm its alarm';
    return new ClusterError('disk', 'the store takes no more writes', { seen, next }, error);
  }
  if (error instanceof EtcdPermissionDeniedError || error instanceof GRPCUnauthenticatedError) {
    return new ClusterError('denied', 'the store refuses this certificate', { seen }, error);
  }
  if (error === undefined || isUnanswered(error)) {
    const wanted = `an answer from ${where}`;
    return new ClusterError('unavailable', 'the store does not answer', { seen, wanted }, error);
  }
  return new ClusterError('internal', `the store refuses the request: ${seen}`, { seen }, error);
}
