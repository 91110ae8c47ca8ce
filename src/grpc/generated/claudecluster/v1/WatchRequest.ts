// Original file: proto/claudecluster.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRequestInput {
  /**
   * Empty: the running update, or the last one.
   */
  'updateId'?: (string);
  'afterEvent'?: (number | string | Long);
}

export interface WatchRequestMessage {
  /**
   * Empty: the running update, or the last one.
   */
  'updateId': (string);
  'afterEvent': (number);
}
