/** One channel to one node, with the calls that the clients are made of: every one has a deadline and can be cut off. */
import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  connectivityState,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { ClusterError } from '../errors.ts';
import { fromStatus } from './errors.ts';
import { quietLibrary } from './library.ts';
import { channelCredentials, type Tls } from './tls.ts';

interface CallLimits {
  /** Milliseconds for the whole call. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface Channel {
  readonly address: string;
  /** All methods throw (or end in) ClusterError. */
  unary<Request, Reply>(method: MethodDefinition<Request, Reply>, request: Request, limits: CallLimits): Promise<Reply>;
  serverStream<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    request: Request,
    limits: CallLimits,
  ): Promise<ClientReadableStream<Reply>>;
  duplex<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    limits: CallLimits,
  ): Promise<ClientDuplexStream<Request, Reply>>;
  /** Fails every call under way with 'unavailable' and drops the connection. */
  close(): void;
}

export interface ChannelSettings {
  /** Milliseconds that a connection may take: a host that is off answers nothing at all. Default 3,000. */
  connectTimeoutMs?: number;
  /** Bytes of one message from the node. Default 16 MiB. */
  maxReceiveBytes?: number;
}

interface Cancellable {
  cancel(): void;
}

/**
 * A stream that may wait for its reader. Its error must not end the process meanwhile (the reader gets it all the same),
 * and the first read has to be asked for: until then grpc-js takes everything off the network that comes.
 */
function held<Stream extends { on(event: 'error', listener: () => void): unknown; read(size: number): unknown }>(
  stream: Stream,
): Stream {
  stream.on('error', () => {});
  stream.read(0);
  return stream;
}

const defaultConnectTimeoutMs = 3000;
const addressPattern = /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/;

function channelOptions(settings: ChannelSettings): ChannelOptions {
  return {
    // A node is away for a second while it restarts: dial often, not after gRPC's default of a second and more.
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 1000,
    'grpc.dns_min_time_between_resolutions_ms': 1000,
    // A host that died sends no FIN.
    'grpc.keepalive_time_ms': 5000,
    'grpc.keepalive_timeout_ms': 3000,
    'grpc.keepalive_permit_without_calls': 1,
    // What a closed channel was connected by is nobody else's.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': settings.maxReceiveBytes ?? 16 * 1024 * 1024,
    'grpc.max_send_message_length': 4 * 1024 * 1024,
    // A cluster's own traffic goes to the cluster's own hosts, whatever http_proxy says.
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // TLS allows no IP address as a server's name, and who the server is its certificate says (checkNodeIdentity).
    'grpc.ssl_target_name_override': 'node.claudecluster.internal',
    'grpc.enable_channelz': 0,
  };
}

/** grpc-js takes points in wall-clock time, and turns them into a timer of its own at once. */
const deadlineIn = (timeoutMs: number): number => Date.now() + timeoutMs;

/**
 * Ends when the client is connected, has failed to, `timeoutMs` are over or the signal aborts.
 * False: still connecting; true: make the call, it will tell.
 */
async function connected(client: Client, timeoutMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  const channel = client.getChannel();
  const until = deadlineIn(timeoutMs);
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return true;
    const changed = await new Promise<boolean>((resolve) => {
      const aborted = (): void => resolve(false);
      signal?.addEventListener('abort', aborted, { once: true });
      channel.watchConnectivityState(state, until, (error) => {
        signal?.removeEventListener('abort', aborted);
        resolve(error === undefined || error === null);
      });
    });
    if (!changed) return false;
  }
}

/** The calls of one channel that have not ended. */
function callsUnderWay(): {
  /** Has the call cancelled by the caller's signal and by cancelAll, until the returned function is called. */
  track: (call: Cancellable, signal: AbortSignal | undefined) => () => void;
  cancelAll: () => void;
} {
  const calls = new Set<Cancellable>();
  return {
    track: (call, signal) => {
      const cancel = (): void => call.cancel();
      calls.add(call);
      signal?.addEventListener('abort', cancel, { once: true });
      return () => {
        calls.delete(call);
        signal?.removeEventListener('abort', cancel);
      };
    },
    cancelAll: () => {
      for (const call of [...calls]) call.cancel();
    },
  };
}

/** Opens no connection yet: the first call does. Throws ClusterError 'usage' for an address that is none. */
export function createChannel(address: string, tls: Tls, settings: ChannelSettings = {}): Channel {
  if (!addressPattern.test(address)) {
    throw new ClusterError('usage', 'not an address of a node', { seen: JSON.stringify(address), wanted: 'host:port' });
  }
  quietLibrary();
  // The scheme is ours, so that no part of an address can be read as one.
  const client = new Client(`dns:${address}`, channelCredentials(tls), channelOptions(settings));
  const connectTimeoutMs = settings.connectTimeoutMs ?? defaultConnectTimeoutMs;
  const underWay = callsUnderWay();
  let closed = false;

  const gone = (why: string): ClusterError =>
    new ClusterError('unavailable', `${address}: ${why}`, { next: 'try again, or ask another node' });

  const ready = async ({ timeoutMs, signal }: CallLimits): Promise<void> => {
    const inTime = closed || (await connected(client, Math.min(connectTimeoutMs, timeoutMs), signal));
    if (closed) throw gone('the connection was closed');
    if (signal?.aborted) throw gone('the call was cancelled');
    if (!inTime) throw gone(`no connection within ${Math.min(connectTimeoutMs, timeoutMs)} ms`);
  };

  const options = ({ timeoutMs }: CallLimits): CallOptions => ({ deadline: deadlineIn(timeoutMs) });

  return {
    address,
    unary: async (method, request, limits) => {
      await ready(limits);
      return new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = method;
        const done = (error: ServiceError | null, reply?: Parameters<typeof resolve>[0]): void => {
          forget();
          if (error !== null || reply === undefined) reject(fromStatus(error, address));
          else resolve(reply);
        };
        const call = client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          new Metadata(),
          options(limits),
          done,
        );
        const forget = underWay.track(call, limits.signal);
      });
    },
    serverStream: async (method, request, limits) => {
      await ready(limits);
      const { path, requestSerialize, responseDeserialize } = method;
      const call = held(
        client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, options(limits)),
      );
      call.once('status', underWay.track(call, limits.signal));
      return call;
    },
    duplex: async (method, limits) => {
      await ready(limits);
      const { path, requestSerialize, responseDeserialize } = method;
      const call = held(client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, options(limits)));
      call.once('status', underWay.track(call, limits.signal));
      return call;
    },
    close: () => {
      closed = true;
      underWay.cancelAll();
      client.close();
    },
  };
}
