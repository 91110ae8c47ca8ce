// Original file: proto/claudecluster.proto

import type { Long } from '@grpc/proto-loader';

export interface UpdateEventInput {
  'number'?: (number | string | Long);
  /**
   * UpdateEvent (src/cluster/update/event.ts).
   */
  'json'?: (string);
}

export interface UpdateEventMessage {
  'number': (number);
  /**
   * UpdateEvent (src/cluster/update/event.ts).
   */
  'json': (string);
}
