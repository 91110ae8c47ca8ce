import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AgentServiceClient as _claudecluster_v1_AgentServiceClient, AgentServiceDefinition as _claudecluster_v1_AgentServiceDefinition } from './claudecluster/v1/AgentService.ts';
import type { ApproveRequestInput as _claudecluster_v1_ApproveRequestInput, ApproveRequestMessage as _claudecluster_v1_ApproveRequestMessage } from './claudecluster/v1/ApproveRequest.ts';
import type { ClusterServiceClient as _claudecluster_v1_ClusterServiceClient, ClusterServiceDefinition as _claudecluster_v1_ClusterServiceDefinition } from './claudecluster/v1/ClusterService.ts';
import type { ControlRequestInput as _claudecluster_v1_ControlRequestInput, ControlRequestMessage as _claudecluster_v1_ControlRequestMessage } from './claudecluster/v1/ControlRequest.ts';
import type { DocumentInput as _claudecluster_v1_DocumentInput, DocumentMessage as _claudecluster_v1_DocumentMessage } from './claudecluster/v1/Document.ts';
import type { DrainReplyInput as _claudecluster_v1_DrainReplyInput, DrainReplyMessage as _claudecluster_v1_DrainReplyMessage } from './claudecluster/v1/DrainReply.ts';
import type { DrainRequestInput as _claudecluster_v1_DrainRequestInput, DrainRequestMessage as _claudecluster_v1_DrainRequestMessage } from './claudecluster/v1/DrainRequest.ts';
import type { GetUpdateRequestInput as _claudecluster_v1_GetUpdateRequestInput, GetUpdateRequestMessage as _claudecluster_v1_GetUpdateRequestMessage } from './claudecluster/v1/GetUpdateRequest.ts';
import type { HealthCheckReplyInput as _claudecluster_v1_HealthCheckReplyInput, HealthCheckReplyMessage as _claudecluster_v1_HealthCheckReplyMessage } from './claudecluster/v1/HealthCheckReply.ts';
import type { HealthCheckRequestInput as _claudecluster_v1_HealthCheckRequestInput, HealthCheckRequestMessage as _claudecluster_v1_HealthCheckRequestMessage } from './claudecluster/v1/HealthCheckRequest.ts';
import type { ListRequestInput as _claudecluster_v1_ListRequestInput, ListRequestMessage as _claudecluster_v1_ListRequestMessage } from './claudecluster/v1/ListRequest.ts';
import type { QuarantineRequestInput as _claudecluster_v1_QuarantineRequestInput, QuarantineRequestMessage as _claudecluster_v1_QuarantineRequestMessage } from './claudecluster/v1/QuarantineRequest.ts';
import type { StatusRequestInput as _claudecluster_v1_StatusRequestInput, StatusRequestMessage as _claudecluster_v1_StatusRequestMessage } from './claudecluster/v1/StatusRequest.ts';
import type { TaskEventInput as _claudecluster_v1_TaskEventInput, TaskEventMessage as _claudecluster_v1_TaskEventMessage } from './claudecluster/v1/TaskEvent.ts';
import type { TaskRequestInput as _claudecluster_v1_TaskRequestInput, TaskRequestMessage as _claudecluster_v1_TaskRequestMessage } from './claudecluster/v1/TaskRequest.ts';
import type { TaskStatusInput as _claudecluster_v1_TaskStatusInput, TaskStatusMessage as _claudecluster_v1_TaskStatusMessage } from './claudecluster/v1/TaskStatus.ts';
import type { TransferChunkInput as _claudecluster_v1_TransferChunkInput, TransferChunkMessage as _claudecluster_v1_TransferChunkMessage } from './claudecluster/v1/TransferChunk.ts';
import type { TransferEndInput as _claudecluster_v1_TransferEndInput, TransferEndMessage as _claudecluster_v1_TransferEndMessage } from './claudecluster/v1/TransferEnd.ts';
import type { TransferOpenInput as _claudecluster_v1_TransferOpenInput, TransferOpenMessage as _claudecluster_v1_TransferOpenMessage } from './claudecluster/v1/TransferOpen.ts';
import type { UpdateEventInput as _claudecluster_v1_UpdateEventInput, UpdateEventMessage as _claudecluster_v1_UpdateEventMessage } from './claudecluster/v1/UpdateEvent.ts';
import type { UpdateRequestInput as _claudecluster_v1_UpdateRequestInput, UpdateRequestMessage as _claudecluster_v1_UpdateRequestMessage } from './claudecluster/v1/UpdateRequest.ts';
import type { WatchRequestInput as _claudecluster_v1_WatchRequestInput, WatchRequestMessage as _claudecluster_v1_WatchRequestMessage } from './claudecluster/v1/WatchRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  claudecluster: {
    v1: {
      /**
       * What a node does for the cluster. Roles: node (all of it), operator (ExecuteTask, HealthCheck,
       * Transfer), viewer (HealthCheck).
       */
      AgentService: SubtypeConstructor<typeof grpc.Client, _claudecluster_v1_AgentServiceClient> & { service: _claudecluster_v1_AgentServiceDefinition }
      ApproveRequest: MessageTypeDefinition<_claudecluster_v1_ApproveRequestInput, _claudecluster_v1_ApproveRequestMessage>
      /**
       * What the CLI and the MCP server need. Any node answers; what only the leader can do is passed on.
       */
      ClusterService: SubtypeConstructor<typeof grpc.Client, _claudecluster_v1_ClusterServiceClient> & { service: _claudecluster_v1_ClusterServiceDefinition }
      ControlRequest: MessageTypeDefinition<_claudecluster_v1_ControlRequestInput, _claudecluster_v1_ControlRequestMessage>
      Document: MessageTypeDefinition<_claudecluster_v1_DocumentInput, _claudecluster_v1_DocumentMessage>
      DrainReply: MessageTypeDefinition<_claudecluster_v1_DrainReplyInput, _claudecluster_v1_DrainReplyMessage>
      DrainRequest: MessageTypeDefinition<_claudecluster_v1_DrainRequestInput, _claudecluster_v1_DrainRequestMessage>
      GetUpdateRequest: MessageTypeDefinition<_claudecluster_v1_GetUpdateRequestInput, _claudecluster_v1_GetUpdateRequestMessage>
      HealthCheckReply: MessageTypeDefinition<_claudecluster_v1_HealthCheckReplyInput, _claudecluster_v1_HealthCheckReplyMessage>
      HealthCheckRequest: MessageTypeDefinition<_claudecluster_v1_HealthCheckRequestInput, _claudecluster_v1_HealthCheckRequestMessage>
      ListRequest: MessageTypeDefinition<_claudecluster_v1_ListRequestInput, _claudecluster_v1_ListRequestMessage>
      QuarantineRequest: MessageTypeDefinition<_claudecluster_v1_QuarantineRequestInput, _claudecluster_v1_QuarantineRequestMessage>
      StatusRequest: MessageTypeDefinition<_claudecluster_v1_StatusRequestInput, _claudecluster_v1_StatusRequestMessage>
      TaskEvent: MessageTypeDefinition<_claudecluster_v1_TaskEventInput, _claudecluster_v1_TaskEventMessage>
      TaskRequest: MessageTypeDefinition<_claudecluster_v1_TaskRequestInput, _claudecluster_v1_TaskRequestMessage>
      TaskStatus: MessageTypeDefinition<_claudecluster_v1_TaskStatusInput, _claudecluster_v1_TaskStatusMessage>
      TransferChunk: MessageTypeDefinition<_claudecluster_v1_TransferChunkInput, _claudecluster_v1_TransferChunkMessage>
      TransferEnd: MessageTypeDefinition<_claudecluster_v1_TransferEndInput, _claudecluster_v1_TransferEndMessage>
      TransferOpen: MessageTypeDefinition<_claudecluster_v1_TransferOpenInput, _claudecluster_v1_TransferOpenMessage>
      UpdateEvent: MessageTypeDefinition<_claudecluster_v1_UpdateEventInput, _claudecluster_v1_UpdateEventMessage>
      UpdateRequest: MessageTypeDefinition<_claudecluster_v1_UpdateRequestInput, _claudecluster_v1_UpdateRequestMessage>
      WatchRequest: MessageTypeDefinition<_claudecluster_v1_WatchRequestInput, _claudecluster_v1_WatchRequestMessage>
    }
  }
}

