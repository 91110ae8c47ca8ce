// Original file: proto/claudecluster.proto

import type { TransferOpenInput as _claudecluster_v1_TransferOpenInput, TransferOpenMessage as _claudecluster_v1_TransferOpenMessage } from '../../claudecluster/v1/TransferOpen.ts';
import type { TransferEndInput as _claudecluster_v1_TransferEndInput, TransferEndMessage as _claudecluster_v1_TransferEndMessage } from '../../claudecluster/v1/TransferEnd.ts';

export interface TransferChunkInput {
  'open'?: (_claudecluster_v1_TransferOpenInput | null);
  'data'?: (Buffer | Uint8Array | string);
  /**
   * From the serving side, last: how it ended.
   */
  'end'?: (_claudecluster_v1_TransferEndInput | null);
  'chunk'?: "open"|"data"|"end";
}

export interface TransferChunkMessage {
  'open'?: (_claudecluster_v1_TransferOpenMessage | null);
  'data'?: (Buffer);
  /**
   * From the serving side, last: how it ended.
   */
  'end'?: (_claudecluster_v1_TransferEndMessage | null);
  'chunk'?: "open"|"data"|"end";
}
