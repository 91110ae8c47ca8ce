// Original file: proto/claudecluster.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ApproveRequestInput as _claudecluster_v1_ApproveRequestInput, ApproveRequestMessage as _claudecluster_v1_ApproveRequestMessage } from '../../claudecluster/v1/ApproveRequest.ts';
import type { ControlRequestInput as _claudecluster_v1_ControlRequestInput, ControlRequestMessage as _claudecluster_v1_ControlRequestMessage } from '../../claudecluster/v1/ControlRequest.ts';
import type { DocumentInput as _claudecluster_v1_DocumentInput, DocumentMessage as _claudecluster_v1_DocumentMessage } from '../../claudecluster/v1/Document.ts';
import type { GetUpdateRequestInput as _claudecluster_v1_GetUpdateRequestInput, GetUpdateRequestMessage as _claudecluster_v1_GetUpdateRequestMessage } from '../../claudecluster/v1/GetUpdateRequest.ts';
import type { ListRequestInput as _claudecluster_v1_ListRequestInput, ListRequestMessage as _claudecluster_v1_ListRequestMessage } from '../../claudecluster/v1/ListRequest.ts';
import type { QuarantineRequestInput as _claudecluster_v1_QuarantineRequestInput, QuarantineRequestMessage as _claudecluster_v1_QuarantineRequestMessage } from '../../claudecluster/v1/QuarantineRequest.ts';
import type { StatusRequestInput as _claudecluster_v1_StatusRequestInput, StatusRequestMessage as _claudecluster_v1_StatusRequestMessage } from '../../claudecluster/v1/StatusRequest.ts';
import type { UpdateEventInput as _claudecluster_v1_UpdateEventInput, UpdateEventMessage as _claudecluster_v1_UpdateEventMessage } from '../../claudecluster/v1/UpdateEvent.ts';
import type { UpdateRequestInput as _claudecluster_v1_UpdateRequestInput, UpdateRequestMessage as _claudecluster_v1_UpdateRequestMessage } from '../../claudecluster/v1/UpdateRequest.ts';
import type { WatchRequestInput as _claudecluster_v1_WatchRequestInput, WatchRequestMessage as _claudecluster_v1_WatchRequestMessage } from '../../claudecluster/v1/WatchRequest.ts';

/**
 * What the CLI and the MCP server need. Any node answers; what only the leader can do is passed on.
 */
export interface ClusterServiceClient extends grpc.Client {
  ApproveNode(argument: _claudecluster_v1_ApproveRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ApproveNode(argument: _claudecluster_v1_ApproveRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ApproveNode(argument: _claudecluster_v1_ApproveRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ApproveNode(argument: _claudecluster_v1_ApproveRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  approveNode(argument: _claudecluster_v1_ApproveRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  approveNode(argument: _claudecluster_v1_ApproveRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  approveNode(argument: _claudecluster_v1_ApproveRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  approveNode(argument: _claudecluster_v1_ApproveRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  /**
   * pause | resume | abort | revert
   */
  ControlUpdate(argument: _claudecluster_v1_ControlRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ControlUpdate(argument: _claudecluster_v1_ControlRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ControlUpdate(argument: _claudecluster_v1_ControlRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ControlUpdate(argument: _claudecluster_v1_ControlRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  /**
   * pause | resume | abort | revert
   */
  controlUpdate(argument: _claudecluster_v1_ControlRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  controlUpdate(argument: _claudecluster_v1_ControlRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  controlUpdate(argument: _claudecluster_v1_ControlRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  controlUpdate(argument: _claudecluster_v1_ControlRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _claudecluster_v1_StatusRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  GetStatus(argument: _claudecluster_v1_StatusRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  GetStatus(argument: _claudecluster_v1_StatusRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  GetStatus(argument: _claudecluster_v1_StatusRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  getStatus(argument: _claudecluster_v1_StatusRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  getStatus(argument: _claudecluster_v1_StatusRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  getStatus(argument: _claudecluster_v1_StatusRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  getStatus(argument: _claudecluster_v1_StatusRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  GetUpdate(argument: _claudecluster_v1_GetUpdateRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  GetUpdate(argument: _claudecluster_v1_GetUpdateRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  GetUpdate(argument: _claudecluster_v1_GetUpdateRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  GetUpdate(argument: _claudecluster_v1_GetUpdateRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  getUpdate(argument: _claudecluster_v1_GetUpdateRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  getUpdate(argument: _claudecluster_v1_GetUpdateRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  getUpdate(argument: _claudecluster_v1_GetUpdateRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  getUpdate(argument: _claudecluster_v1_GetUpdateRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  ListReleases(argument: _claudecluster_v1_ListRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ListReleases(argument: _claudecluster_v1_ListRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ListReleases(argument: _claudecluster_v1_ListRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ListReleases(argument: _claudecluster_v1_ListRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  listReleases(argument: _claudecluster_v1_ListRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  listReleases(argument: _claudecluster_v1_ListRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  listReleases(argument: _claudecluster_v1_ListRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  listReleases(argument: _claudecluster_v1_ListRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  ListUpdates(argument: _claudecluster_v1_ListRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ListUpdates(argument: _claudecluster_v1_ListRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ListUpdates(argument: _claudecluster_v1_ListRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  ListUpdates(argument: _claudecluster_v1_ListRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  listUpdates(argument: _claudecluster_v1_ListRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  listUpdates(argument: _claudecluster_v1_ListRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  listUpdates(argument: _claudecluster_v1_ListRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  listUpdates(argument: _claudecluster_v1_ListRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  /**
   * Preflight only: the plan, or the refusals.
   */
  PlanUpdate(argument: _claudecluster_v1_UpdateRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  PlanUpdate(argument: _claudecluster_v1_UpdateRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  PlanUpdate(argument: _claudecluster_v1_UpdateRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  PlanUpdate(argument: _claudecluster_v1_UpdateRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  /**
   * Preflight only: the plan, or the refusals.
   */
  planUpdate(argument: _claudecluster_v1_UpdateRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  planUpdate(argument: _claudecluster_v1_UpdateRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  planUpdate(argument: _claudecluster_v1_UpdateRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  planUpdate(argument: _claudecluster_v1_UpdateRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  SetQuarantine(argument: _claudecluster_v1_QuarantineRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  SetQuarantine(argument: _claudecluster_v1_QuarantineRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  SetQuarantine(argument: _claudecluster_v1_QuarantineRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  SetQuarantine(argument: _claudecluster_v1_QuarantineRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  setQuarantine(argument: _claudecluster_v1_QuarantineRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  setQuarantine(argument: _claudecluster_v1_QuarantineRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  setQuarantine(argument: _claudecluster_v1_QuarantineRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  setQuarantine(argument: _claudecluster_v1_QuarantineRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  /**
   * Records the update and returns its first record; the leader goes on with it by itself.
   */
  StartUpdate(argument: _claudecluster_v1_UpdateRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  StartUpdate(argument: _claudecluster_v1_UpdateRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  StartUpdate(argument: _claudecluster_v1_UpdateRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  StartUpdate(argument: _claudecluster_v1_UpdateRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  /**
   * Records the update and returns its first record; the leader goes on with it by itself.
   */
  startUpdate(argument: _claudecluster_v1_UpdateRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  startUpdate(argument: _claudecluster_v1_UpdateRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  startUpdate(argument: _claudecluster_v1_UpdateRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  startUpdate(argument: _claudecluster_v1_UpdateRequestInput, callback: grpc.requestCallback<_claudecluster_v1_DocumentMessage>): grpc.ClientUnaryCall;
  
  /**
   * Every event of an update after `after_event`, then the following ones until it ended.
   */
  WatchUpdate(argument: _claudecluster_v1_WatchRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_claudecluster_v1_UpdateEventMessage>;
  WatchUpdate(argument: _claudecluster_v1_WatchRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_claudecluster_v1_UpdateEventMessage>;
  /**
   * Every event of an update after `after_event`, then the following ones until it ended.
   */
  watchUpdate(argument: _claudecluster_v1_WatchRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_claudecluster_v1_UpdateEventMessage>;
  watchUpdate(argument: _claudecluster_v1_WatchRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_claudecluster_v1_UpdateEventMessage>;
  
}

/**
 * What the CLI and the MCP server need. Any node answers; what only the leader can do is passed on.
 */
export interface ClusterServiceHandlers extends grpc.UntypedServiceImplementation {
  ApproveNode: grpc.handleUnaryCall<_claudecluster_v1_ApproveRequestMessage, _claudecluster_v1_DocumentInput>;
  
  /**
   * pause | resume | abort | revert
   */
  ControlUpdate: grpc.handleUnaryCall<_claudecluster_v1_ControlRequestMessage, _claudecluster_v1_DocumentInput>;
  
  GetStatus: grpc.handleUnaryCall<_claudecluster_v1_StatusRequestMessage, _claudecluster_v1_DocumentInput>;
  
  GetUpdate: grpc.handleUnaryCall<_claudecluster_v1_GetUpdateRequestMessage, _claudecluster_v1_DocumentInput>;
  
  ListReleases: grpc.handleUnaryCall<_claudecluster_v1_ListRequestMessage, _claudecluster_v1_DocumentInput>;
  
  ListUpdates: grpc.handleUnaryCall<_claudecluster_v1_ListRequestMessage, _claudecluster_v1_DocumentInput>;
  
  /**
   * Preflight only: the plan, or the refusals.
   */
  PlanUpdate: grpc.handleUnaryCall<_claudecluster_v1_UpdateRequestMessage, _claudecluster_v1_DocumentInput>;
  
  SetQuarantine: grpc.handleUnaryCall<_claudecluster_v1_QuarantineRequestMessage, _claudecluster_v1_DocumentInput>;
  
  /**
   * Records the update and returns its first record; the leader goes on with it by itself.
   */
  StartUpdate: grpc.handleUnaryCall<_claudecluster_v1_UpdateRequestMessage, _claudecluster_v1_DocumentInput>;
  
  /**
   * Every event of an update after `after_event`, then the following ones until it ended.
   */
  WatchUpdate: grpc.handleServerStreamingCall<_claudecluster_v1_WatchRequestMessage, _claudecluster_v1_UpdateEventInput>;
  
}

export interface ClusterServiceDefinition extends grpc.ServiceDefinition {
  ApproveNode: MethodDefinition<_claudecluster_v1_ApproveRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_ApproveRequestMessage, _claudecluster_v1_DocumentMessage>
  ControlUpdate: MethodDefinition<_claudecluster_v1_ControlRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_ControlRequestMessage, _claudecluster_v1_DocumentMessage>
  GetStatus: MethodDefinition<_claudecluster_v1_StatusRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_StatusRequestMessage, _claudecluster_v1_DocumentMessage>
  GetUpdate: MethodDefinition<_claudecluster_v1_GetUpdateRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_GetUpdateRequestMessage, _claudecluster_v1_DocumentMessage>
  ListReleases: MethodDefinition<_claudecluster_v1_ListRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_ListRequestMessage, _claudecluster_v1_DocumentMessage>
  ListUpdates: MethodDefinition<_claudecluster_v1_ListRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_ListRequestMessage, _claudecluster_v1_DocumentMessage>
  PlanUpdate: MethodDefinition<_claudecluster_v1_UpdateRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_UpdateRequestMessage, _claudecluster_v1_DocumentMessage>
  SetQuarantine: MethodDefinition<_claudecluster_v1_QuarantineRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_QuarantineRequestMessage, _claudecluster_v1_DocumentMessage>
  StartUpdate: MethodDefinition<_claudecluster_v1_UpdateRequestInput, _claudecluster_v1_DocumentInput, _claudecluster_v1_UpdateRequestMessage, _claudecluster_v1_DocumentMessage>
  WatchUpdate: MethodDefinition<_claudecluster_v1_WatchRequestInput, _claudecluster_v1_UpdateEventInput, _claudecluster_v1_WatchRequestMessage, _claudecluster_v1_UpdateEventMessage>
}
