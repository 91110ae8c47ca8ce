/** How a channel is opened, and until when it is waited for. */
import { type ChannelOptions, type Client, connectivityState } from '@grpc/grpc-js';

export interface ChannelSettings {
  /** Milliseconds that a connection may take: a host that is off answers nothing at all. Default 3,000. */
  connectTimeoutMs?: number;
  /** Bytes of one message from the node. Default 16 MiB. */
  maxReceiveBytes?: number;
}

export const defaultConnectTimeoutMs = 3000;

export function channelOptions(settings: ChannelSettings): ChannelOptions {
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
export const deadlineIn = (timeoutMs: number): number => Date.now() + timeoutMs;

/**
 * Ends when the client is connected, has failed to, `timeoutMs` are over or the signal aborts.
 * False: still connecting; true: make the call, it will tell.
 */
export async function connected(client: Client, timeoutMs: number, signal: AbortSignal | undefined): Promise<boolean> {
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
