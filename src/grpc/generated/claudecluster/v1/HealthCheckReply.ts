// Original file: proto/claudecluster.proto

import type { Long } from '@grpc/proto-loader';

export interface HealthCheckReplyInput {
  'healthy'?: (boolean);
  'reasons'?: (string)[];
  'incarnation'?: (string);
  'buildHash'?: (string);
  /**
   * Raft applied index of the node's own member; 0 on a worker.
   */
  'appliedIndex'?: (number | string | Long);
  /**
   * The whole report (NodeHealth in src/ports/agent.ts).
   */
  'json'?: (string);
}

export interface HealthCheckReplyMessage {
  'healthy': (boolean);
  'reasons': (string)[];
  'incarnation': (string);
  'buildHash': (string);
  /**
   * Raft applied index of the node's own member; 0 on a worker.
   */
  'appliedIndex': (number);
  /**
   * The whole report (NodeHealth in src/ports/agent.ts).
   */
  'json': (string);
}
