/** One channel to one node, with the calls that the clients are made of: every one has a deadline and can be cut off. */
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { ClusterError } from '../errors.ts';
import { callsUnderWay, held } from './calls-under-way.ts';
import { type ChannelSettings, channelOptions, connected, deadlineIn, defaultConnectTimeoutMs } from './dial.ts';
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

const addressPattern = /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/;

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
