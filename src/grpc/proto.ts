/**
 * The wire contract: proto/claudecluster.proto loaded, with the types that `npm run proto` made of it. An `XMessage` is what
 * arrives, with every field; what may be sent is an `XInput`, of which an `XMessage` is one.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { ClusterError } from '../errors.ts';
import type { AgentServiceDefinition } from './generated/claudecluster/v1/AgentService.ts';
import type { ClusterServiceDefinition } from './generated/claudecluster/v1/ClusterService.ts';

/** Defined by scripts/build.js in the bundle only. */
declare const CLAUDECLUSTER_BUNDLED: boolean | undefined;

export type { ApproveRequestMessage } from './generated/claudecluster/v1/ApproveRequest.ts';
export type { ControlRequestMessage } from './generated/claudecluster/v1/ControlRequest.ts';
export type { DocumentMessage } from './generated/claudecluster/v1/Document.ts';
export type { DrainReplyMessage } from './generated/claudecluster/v1/DrainReply.ts';
export type { DrainRequestMessage } from './generated/claudecluster/v1/DrainRequest.ts';
export type { GetUpdateRequestMessage } from './generated/claudecluster/v1/GetUpdateRequest.ts';
export type { HealthCheckReplyMessage } from './generated/claudecluster/v1/HealthCheckReply.ts';
export type { HealthCheckRequestMessage } from './generated/claudecluster/v1/HealthCheckRequest.ts';
export type { ListRequestMessage } from './generated/claudecluster/v1/ListRequest.ts';
export type { QuarantineRequestMessage } from './generated/claudecluster/v1/QuarantineRequest.ts';
export type { StatusRequestMessage } from './generated/claudecluster/v1/StatusRequest.ts';
export type { TaskEventInput, TaskEventMessage } from './generated/claudecluster/v1/TaskEvent.ts';
export type { TaskRequestMessage } from './generated/claudecluster/v1/TaskRequest.ts';
export type { TaskStatusMessage } from './generated/claudecluster/v1/TaskStatus.ts';
export type { TransferChunkMessage } from './generated/claudecluster/v1/TransferChunk.ts';
export type { TransferEndMessage } from './generated/claudecluster/v1/TransferEnd.ts';
export type { UpdateEventMessage } from './generated/claudecluster/v1/UpdateEvent.ts';
export type { UpdateRequestMessage } from './generated/claudecluster/v1/UpdateRequest.ts';
export type { WatchRequestMessage } from './generated/claudecluster/v1/WatchRequest.ts';

/** The two services with their methods, and the whole file for reflection. */
export interface Proto {
  agent: AgentServiceDefinition;
  cluster: ClusterServiceDefinition;
  definition: PackageDefinition;
}

export const agentServiceName = 'claudecluster.v1.AgentService';
export const clusterServiceName = 'claudecluster.v1.ClusterService';

function protoPath(): string {
  // A release carries the contract beside its one bundled file, where CommonJS knows the directory.
  return typeof CLAUDECLUSTER_BUNDLED !== 'undefined'
    ? join(__dirname, 'proto', 'claudecluster.proto')
    : fileURLToPath(new URL('../../proto/claudecluster.proto', import.meta.url));
}

function serviceOf<Service extends ServiceDefinition>(definition: PackageDefinition, name: string): Service {
  const found = definition[name];
  if (found === undefined || 'format' in found) throw new ClusterError('internal', `the wire contract has no ${name}`);
  return found as unknown as Service;
}

/**
 * Reads the wire contract from disk (about 10 ms; do it once per process and hand it on).
 * Throws ClusterError 'internal' when the release is incomplete.
 */
export function loadProto(): Proto {
  const definition = readDefinition();
  return {
    agent: serviceOf<AgentServiceDefinition>(definition, agentServiceName),
    cluster: serviceOf<ClusterServiceDefinition>(definition, clusterServiceName),
    definition,
  };
}

function readDefinition(): PackageDefinition {
  const path = protoPath();
  try {
    // scripts/proto-types.js says the same, so that the types are true.
    return loadSync(path, { keepCase: false, longs: Number, enums: String, defaults: true, oneofs: true });
  } catch (cause) {
    throw new ClusterError(
      'internal',
      `cannot load the wire contract ${path}`,
      {
        seen: cause instanceof Error ? cause.message : String(cause),
        next: 'the release is incomplete: build it again',
      },
      cause,
    );
  }
}
