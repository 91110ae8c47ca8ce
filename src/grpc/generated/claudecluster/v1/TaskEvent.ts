// Original file: proto/claudecluster.proto

import type { TaskStatusInput as _claudecluster_v1_TaskStatusInput, TaskStatusMessage as _claudecluster_v1_TaskStatusMessage } from '../../claudecluster/v1/TaskStatus.ts';

export interface TaskEventInput {
  'stdout'?: (Buffer | Uint8Array | string);
  'stderr'?: (Buffer | Uint8Array | string);
  'status'?: (_claudecluster_v1_TaskStatusInput | null);
  'event'?: "stdout"|"stderr"|"status";
}

export interface TaskEventMessage {
  'stdout'?: (Buffer);
  'stderr'?: (Buffer);
  'status'?: (_claudecluster_v1_TaskStatusMessage | null);
  'event'?: "stdout"|"stderr"|"status";
}
