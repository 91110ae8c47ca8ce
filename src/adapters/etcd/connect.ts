/**
 * One connection to one etcd endpoint. etcd3's own fault handling is switched off here: its circuit breaker refuses
 * calls for five seconds after three failures, its retry repeats writes that may have been applied, and its host
 * choice is random. Which endpoint to ask, and whether to ask again, is decided in ask.ts where it can be read.
 */
import { Etcd3, type IOptions } from 'etcd3';

/** PEM contents. */
export interface EtcdTls {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

export interface Endpoint {
  /** host:port. */
  readonly address: string;
  readonly client: Etcd3;
}

type FaultPolicy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

/** Runs the call once and lets its error through. */
const once = {
  execute: async (call: (context: { signal: AbortSignal }) => unknown) =>
    call({ signal: new AbortController().signal }),
  onSuccess: () => ({ dispose: () => undefined }),
  onFailure: () => ({ dispose: () => undefined }),
} as unknown as FaultPolicy;

/** `grpc.*` channel options: dial again quickly, notice a dead peer, take large answers. */
const channelOptions = {
  // Without these grpc-js waits a second and more before it dials a restarted member again.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A frozen or cut-off member says nothing: pings end its streams. etcd allows a ping every 5 s.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 16 * 1024 * 1024,
};

/** Makes the client for one endpoint (host:port); nothing is dialled before the first call. */
export function connectEndpoint(address: string, tls: EtcdTls | undefined): Endpoint {
  const client = new Etcd3({
    hosts: tls ? `https://${address}` : address,
    ...(tls ? { credentials: { rootCertificate: tls.ca, privateKey: tls.key, certChain: tls.cert } } : {}),
    grpcOptions: channelOptions,
    faultHandling: { host: () => once, global: once },
  });
  return { address, client };
}

/** grpc-js takes a deadline as wall-clock ms and turns it into a timer at once; no decision rests on the wall clock. */
export function callDeadline(timeoutMs: number): { deadline: number } {
  return { deadline: Date.now() + Math.max(1, timeoutMs) };
}
