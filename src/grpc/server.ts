/** A node's gRPC server: both services, health, reflection, and an end that does not wait for ever. */
import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Control } from '../cluster/control/control-api.ts';
import { ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { authorisingInterceptor } from './authorise.ts';
import { createClusterService } from './cluster-service.ts';
import { createHealthService } from './health-service.ts';
import { quietLibrary } from './library.ts';
import { agentServiceName, clusterServiceName, loadProto, type Proto } from './proto.ts';
import { addReflection } from './reflection-service.ts';
import { loadStandardProtos } from './standard-protos.ts';
import { serverCredentials, type Tls } from './tls.ts';

interface GrpcServerLimits {
  /** Bytes of one message from a caller. Default 4 MiB. */
  maxReceiveBytes: number;
  /** Bytes of one message to a caller. Default 16 MiB. */
  maxSendBytes: number;
  /** Calls at once on one connection. Default 256. */
  maxStreams: number;
}

export interface GrpcServerDeps {
  /** host:port; port 0 takes a free one. */
  listen: string;
  tls: Tls;
  /** Certificates of another cluster are refused. Default: the cluster of our own certificate. */
  clusterId?: string;
  /** Handlers of AgentService (createAgentService). */
  agent: UntypedServiceImplementation;
  control: Control;
  logger: Logger;
  limits?: Partial<GrpcServerLimits>;
  proto?: Proto;
}

export interface GrpcServer {
  /** host:port that it listens on. */
  address: string;
  /** What grpc.health.v1 says; false until it is set. */
  setServing(serving: boolean): void;
  /** Takes no new call, lets the running ones finish for `graceMs` (default 2,000), then cuts them off. Never rejects. */
  stop(graceMs?: number): Promise<void>;
}

const defaultLimits: GrpcServerLimits = {
  maxReceiveBytes: 4 * 1024 * 1024,
  maxSendBytes: 16 * 1024 * 1024,
  maxStreams: 256,
};

function newServer(deps: GrpcServerDeps, clusterId: string): Server {
  const limits = { ...defaultLimits, ...deps.limits };
  return new Server({
    'grpc.max_receive_message_length': limits.maxReceiveBytes,
    'grpc.max_send_message_length': limits.maxSendBytes,
    'grpc.max_concurrent_streams': limits.maxStreams,
    // A caller whose host died sends no FIN: its tasks end when its pings stop.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    // channelz stays on: without it grpc-js 1.14 does not list its sessions, and forceShutdown leaves them open.
    interceptors: [authorisingInterceptor(clusterId, deps.logger)],
  });
}

async function bind(server: Server, deps: GrpcServerDeps): Promise<string> {
  const colon = deps.listen.lastIndexOf(':');
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(deps.listen, serverCredentials(deps.tls), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  }).catch((cause: Error) => {
    throw new ClusterError(
      'unavailable',
      `cannot listen on ${deps.listen}`,
      { seen: cause.message, next: 'end the program that has the port, or set another `listen`' },
      cause,
    );
  });
  return `${deps.listen.slice(0, colon)}:${port}`;
}

async function stopServer(server: Server, graceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([ended, late]);
  clearTimeout(timer);
  server.forceShutdown();
}

/** Starts to serve. Throws ClusterError 'unavailable' when the address cannot be listened on, 'config' for bad TLS. */
export async function createGrpcServer(deps: GrpcServerDeps): Promise<GrpcServer> {
  const clusterId = deps.clusterId ?? deps.tls.identity.clusterId;
  quietLibrary();
  const proto = deps.proto ?? loadProto();
  const standard = loadStandardProtos();
  const stopping = new AbortController();
  const health = createHealthService([agentServiceName, clusterServiceName], deps.logger, stopping.signal);
  const server = newServer(deps, clusterId);
  server.addService(proto.agent, deps.agent);
  server.addService(proto.cluster, createClusterService(deps.control, deps.logger, stopping.signal));
  server.addService(standard.health['grpc.health.v1.Health'] as ServiceDefinition, health.implementation);
  addReflection(server, standard.reflection, Object.assign({}, proto.definition, standard.health));
  const address = await bind(server, deps);
  let stopped: Promise<void> | null = null;
  return {
    address,
    setServing: health.setServing,
    stop: (graceMs = 2000) => {
      health.setServing(false);
      stopping.abort();
      stopped ??= stopServer(server, graceMs);
      return stopped;
    },
  };
}
