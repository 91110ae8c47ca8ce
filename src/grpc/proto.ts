/** The wire contract as TypeScript sees it: proto/claudecluster.proto loaded, and its messages typed by hand. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { ClusterError } from '../errors.ts';

/** Defined by scripts/build.js in the bundle only. */
declare const CLAUDECLUSTER_BUNDLED: boolean | undefined;

export interface TaskRequestMessage {
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number;
  stdin: Uint8Array;
}
export interface TaskStatusMessage {
  exitCode: number;
  signal: string;
  timedOut: boolean;
  spawnError: string;
}
export interface TaskEventMessage {
  stdout?: Uint8Array;
  stderr?: Uint8Array;
  status?: TaskStatusMessage;
}
export interface HealthCheckReplyMessage {
  healthy: boolean;
  reasons: string[];
  incarnation: string;
  buildHash: string;
  appliedIndex: number;
  json: string;
}
export interface DrainRequestMessage {
  draining: boolean;
  updateId: string;
  epoch: number;
}
export interface DrainReplyMessage {
  runningTasks: number;
}
interface TransferOpenMessage {
  direction: 'PULL' | 'PUSH';
  buildHash: string;
  rsyncCapabilities: string;
}
export interface TransferEndMessage {
  exitCode: number;
  stderr: string;
}
export interface TransferChunkMessage {
  open?: TransferOpenMessage;
  data?: Uint8Array;
  end?: TransferEndMessage;
}
export interface DocumentMessage {
  json: string;
}
export type EmptyMessage = Record<never, never>;
export interface ListRequestMessage {
  limit: number;
}
export interface GetUpdateRequestMessage {
  updateId: string;
}
export interface ApproveRequestMessage {
  nodeId: string;
}
export interface UpdateRequestMessage {
  buildHash: string;
  planHash: string;
  optionsJson: string;
  by: string;
}
export interface WatchRequestMessage {
  updateId: string;
  afterEvent: number;
}
export interface UpdateEventMessage {
  number: number;
  json: string;
}
export interface ControlRequestMessage {
  updateId: string;
  action: string;
  by: string;
  why: string;
}
export interface QuarantineRequestMessage {
  buildHash: string;
  quarantined: boolean;
  by: string;
  why: string;
}

/** Every method of the contract with the types of its two ends. */
export interface Proto {
  agentService: ServiceDefinition;
  clusterService: ServiceDefinition;
  /** The whole file, for reflection. */
  definition: PackageDefinition;
  agent: {
    executeTask: MethodDefinition<TaskRequestMessage, TaskEventMessage>;
    healthCheck: MethodDefinition<EmptyMessage, HealthCheckReplyMessage>;
    drain: MethodDefinition<DrainRequestMessage, DrainReplyMessage>;
    transfer: MethodDefinition<TransferChunkMessage, TransferChunkMessage>;
  };
  cluster: {
    getStatus: MethodDefinition<EmptyMessage, DocumentMessage>;
    planUpdate: MethodDefinition<UpdateRequestMessage, DocumentMessage>;
    startUpdate: MethodDefinition<UpdateRequestMessage, DocumentMessage>;
    watchUpdate: MethodDefinition<WatchRequestMessage, UpdateEventMessage>;
    listUpdates: MethodDefinition<ListRequestMessage, DocumentMessage>;
    getUpdate: MethodDefinition<GetUpdateRequestMessage, DocumentMessage>;
    controlUpdate: MethodDefinition<ControlRequestMessage, DocumentMessage>;
    listReleases: MethodDefinition<ListRequestMessage, DocumentMessage>;
    setQuarantine: MethodDefinition<QuarantineRequestMessage, DocumentMessage>;
    approveNode: MethodDefinition<ApproveRequestMessage, DocumentMessage>;
  };
}

export const agentServiceName = 'claudecluster.v1.AgentService';
export const clusterServiceName = 'claudecluster.v1.ClusterService';

function protoPath(): string {
  // A release carries the contract beside its one bundled file, where CommonJS knows the directory.
  return typeof CLAUDECLUSTER_BUNDLED !== 'undefined'
    ? join(__dirname, 'proto', 'claudecluster.proto')
    : fileURLToPath(new URL('../../proto/claudecluster.proto', import.meta.url));
}

function serviceOf(definition: PackageDefinition, name: string): ServiceDefinition {
  const found = definition[name];
  if (found === undefined || 'format' in found) throw new ClusterError('internal', `the wire contract has no ${name}`);
  return found;
}

function methodOf<Request, Reply>(service: ServiceDefinition, name: string): MethodDefinition<Request, Reply> {
  const found = service[name];
  if (found === undefined) throw new ClusterError('internal', `the wire contract has no method ${name}`);
  return found as unknown as MethodDefinition<Request, Reply>;
}

/**
 * Reads the wire contract from disk (about 10 ms; do it once per process and hand it on).
 * Throws ClusterError 'internal' when the release is incomplete.
 */
export function loadProto(): Proto {
  const definition = readDefinition();
  const agent = serviceOf(definition, agentServiceName);
  const cluster = serviceOf(definition, clusterServiceName);
  return {
    agentService: agent,
    clusterService: cluster,
    definition,
    agent: {
      executeTask: methodOf(agent, 'ExecuteTask'),
      healthCheck: methodOf(agent, 'HealthCheck'),
      drain: methodOf(agent, 'Drain'),
      transfer: methodOf(agent, 'Transfer'),
    },
    cluster: {
      getStatus: methodOf(cluster, 'GetStatus'),
      planUpdate: methodOf(cluster, 'PlanUpdate'),
      startUpdate: methodOf(cluster, 'StartUpdate'),
      watchUpdate: methodOf(cluster, 'WatchUpdate'),
      listUpdates: methodOf(cluster, 'ListUpdates'),
      getUpdate: methodOf(cluster, 'GetUpdate'),
      controlUpdate: methodOf(cluster, 'ControlUpdate'),
      listReleases: methodOf(cluster, 'ListReleases'),
      setQuarantine: methodOf(cluster, 'SetQuarantine'),
      approveNode: methodOf(cluster, 'ApproveNode'),
    },
  };
}

function readDefinition(): PackageDefinition {
  const path = protoPath();
  try {
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
