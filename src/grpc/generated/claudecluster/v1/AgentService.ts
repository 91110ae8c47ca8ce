// Original file: proto/claudecluster.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DrainReplyInput as _claudecluster_v1_DrainReplyInput, DrainReplyMessage as _claudecluster_v1_DrainReplyMessage } from '../../claudecluster/v1/DrainReply.ts';
import type { DrainRequestInput as _claudecluster_v1_DrainRequestInput, DrainRequestMessage as _claudecluster_v1_DrainRequestMessage } from '../../claudecluster/v1/DrainRequest.ts';
import type { HealthCheckReplyInput as _claudecluster_v1_HealthCheckReplyInput, HealthCheckReplyMessage as _claudecluster_v1_HealthCheckReplyMessage } from '../../claudecluster/v1/HealthCheckReply.ts';
import type { HealthCheckRequestInput as _claudecluster_v1_HealthCheckRequestInput, HealthCheckRequestMessage as _claudecluster_v1_HealthCheckRequestMessage } from '../../claudecluster/v1/HealthCheckRequest.ts';
import type { TaskEventInput as _claudecluster_v1_TaskEventInput, TaskEventMessage as _claudecluster_v1_TaskEventMessage } from '../../claudecluster/v1/TaskEvent.ts';
import type { TaskRequestInput as _claudecluster_v1_TaskRequestInput, TaskRequestMessage as _claudecluster_v1_TaskRequestMessage } from '../../claudecluster/v1/TaskRequest.ts';
import type { TransferChunkInput as _claudecluster_v1_TransferChunkInput, TransferChunkMessage as _claudecluster_v1_TransferChunkMessage } from '../../claudecluster/v1/TransferChunk.ts';

/**
 * What a node does for the cluster. Roles: node (all of it), operator (ExecuteTask, HealthCheck,
 * Transfer), viewer (HealthCheck).
 */
export interface AgentServiceClient extends grpc.Client {
  /**
   * Ends or begins the acceptance of new tasks. Refused with FAILED_PRECONDITION for an old epoch.
   */
  Drain(argument: _claudecluster_v1_DrainRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DrainReplyMessage>): grpc.ClientUnaryCall;
  Drain(argument: _claudecluster_v1_DrainRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DrainReplyMessage>): grpc.ClientUnaryCall;
  Drain(argument: _claudecluster_v1_DrainRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DrainReplyMessage>): grpc.ClientUnaryCall;
  Drain(argument: _claudecluster_v1_DrainRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DrainReplyMessage>): grpc.ClientUnaryCall;
  /**
   * Ends or begins the acceptance of new tasks. Refused with FAILED_PRECONDITION for an old epoch.
   */
  drain(argument: _claudecluster_v1_DrainRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DrainReplyMessage>): grpc.ClientUnaryCall;
  drain(argument: _claudecluster_v1_DrainRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DrainReplyMessage>): grpc.ClientUnaryCall;
  drain(argument: _claudecluster_v1_DrainRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DrainReplyMessage>): grpc.ClientUnaryCall;
  drain(argument: _claudecluster_v1_DrainRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DrainReplyMessage>): grpc.ClientUnaryCall;
  
  /**
   * Runs one command on the node. Output comes as it is written; the last message is the status.
   * The whole process group ends with the call: at the timeout, or when the caller goes away.
   */
  ExecuteTask(argument: _claudecluster_v1_TaskRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_claudecluster_v1_TaskEventMessage>;
  ExecuteTask(argument: _claudecluster_v1_TaskRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_claudecluster_v1_TaskEventMessage>;
  /**
   * Runs one command on the node. Output comes as it is written; the last message is the status.
   * The whole process group ends with the call: at the timeout, or when the caller goes away.
   */
  executeTask(argument: _claudecluster_v1_TaskRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_claudecluster_v1_TaskEventMessage>;
  executeTask(argument: _claudecluster_v1_TaskRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_claudecluster_v1_TaskEventMessage>;
  
  /**
   * How the node is, as it sees itself.
   */
  HealthCheck(argument: _claudecluster_v1_HealthCheckRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_HealthCheckReplyMessage>): grpc.ClientUnaryCall;
  HealthCheck(argument: _claudecluster_v1_HealthCheckRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_HealthCheckReplyMessage>): grpc.ClientUnaryCall;
  HealthCheck(argument: _claudecluster_v1_HealthCheckRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_HealthCheckReplyMessage>): grpc.ClientUnaryCall;
  HealthCheck(argument: _claudecluster_v1_HealthCheckRequestInput, callback: grpc.requestCallback<_claudecluster_v1_HealthCheckReplyMessage>): grpc.ClientUnaryCall;
  /**
   * How the node is, as it sees itself.
   */
  healthCheck(argument: _claudecluster_v1_HealthCheckRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_HealthCheckReplyMessage>): grpc.ClientUnaryCall;
  healthCheck(argument: _claudecluster_v1_HealthCheckRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_HealthCheckReplyMessage>): grpc.ClientUnaryCall;
  healthCheck(argument: _claudecluster_v1_HealthCheckRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_HealthCheckReplyMessage>): grpc.ClientUnaryCall;
  healthCheck(argument: _claudecluster_v1_HealthCheckRequestInput, callback: grpc.requestCallback<_claudecluster_v1_HealthCheckReplyMessage>): grpc.ClientUnaryCall;
  
  /**
   * The byte pipe under rsync. The first message of the client says what is wanted.
   */
  Transfer(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_claudecluster_v1_TransferChunkInput, _claudecluster_v1_TransferChunkMessage>;
  Transfer(options?: grpc.CallOptions): grpc.ClientDuplexStream<_claudecluster_v1_TransferChunkInput, _claudecluster_v1_TransferChunkMessage>;
  /**
   * The byte pipe under rsync. The first message of the client says what is wanted.
   */
  transfer(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_claudecluster_v1_TransferChunkInput, _claudecluster_v1_TransferChunkMessage>;
  transfer(options?: grpc.CallOptions): grpc.ClientDuplexStream<_claudecluster_v1_TransferChunkInput, _claudecluster_v1_TransferChunkMessage>;
  
}

/**
 * What a node does for the cluster. Roles: node (all of it), operator (ExecuteTask, HealthCheck,
 * Transfer), viewer (HealthCheck).
 */
export interface AgentServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Ends or begins the acceptance of new tasks. Refused with FAILED_PRECONDITION for an old epoch.
   */
  Drain: grpc.handleUnaryCall<_claudecluster_v1_DrainRequestMessage, _claudecluster_v1_DrainReplyInput>;
  
  /**
   * Runs one command on the node. Output comes as it is written; the last message is the status.
   * The whole process group ends with the call: at the timeout, or when the caller goes away.
   */
  ExecuteTask: grpc.handleServerStreamingCall<_claudecluster_v1_TaskRequestMessage, _claudecluster_v1_TaskEventInput>;
  
  /**
   * How the node is, as it sees itself.
   */
  HealthCheck: grpc.handleUnaryCall<_claudecluster_v1_HealthCheckRequestMessage, _claudecluster_v1_HealthCheckReplyInput>;
  
  /**
   * The byte pipe under rsync. The first message of the client says what is wanted.
   */
  Transfer: grpc.handleBidiStreamingCall<_claudecluster_v1_TransferChunkMessage, _claudecluster_v1_TransferChunkInput>;
  
}

export interface AgentServiceDefinition extends grpc.ServiceDefinition {
  Drain: MethodDefinition<_claudecluster_v1_DrainRequestInput, _claudecluster_v1_DrainReplyInput, _claudecluster_v1_DrainRequestMessage, _claudecluster_v1_DrainReplyMessage>
  ExecuteTask: MethodDefinition<_claudecluster_v1_TaskRequestInput, _claudecluster_v1_TaskEventInput, _claudecluster_v1_TaskRequestMessage, _claudecluster_v1_TaskEventMessage>
  HealthCheck: MethodDefinition<_claudecluster_v1_HealthCheckRequestInput, _claudecluster_v1_HealthCheckReplyInput, _claudecluster_v1_HealthCheckRequestMessage, _claudecluster_v1_HealthCheckReplyMessage>
  Transfer: MethodDefinition<_claudecluster_v1_TransferChunkInput, _claudecluster_v1_TransferChunkInput, _claudecluster_v1_TransferChunkMessage, _claudecluster_v1_TransferChunkMessage>
}
