// Original file: proto/claudecluster.proto

import type { Long } from '@grpc/proto-loader';

export interface DrainRequestInput {
  'draining'?: (boolean);
  'updateId'?: (string);
  'epoch'?: (number | string | Long);
}

export interface DrainRequestMessage {
  'draining': (boolean);
  'updateId': (string);
  'epoch': (number);
}
