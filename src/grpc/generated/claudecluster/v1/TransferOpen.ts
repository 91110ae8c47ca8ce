// Original file: proto/claudecluster.proto


// Original file: proto/claudecluster.proto

/**
 * PULL: the server sends the release read-only. PUSH: the server receives it, verifies it, keeps it.
 */
export const _claudecluster_v1_TransferOpen_Direction = {
  PULL: 'PULL',
  PUSH: 'PUSH',
} as const;

/**
 * PULL: the server sends the release read-only. PUSH: the server receives it, verifies it, keeps it.
 */
export type _claudecluster_v1_TransferOpen_DirectionInput =
  | 'PULL'
  | 0
  | 'PUSH'
  | 1

/**
 * PULL: the server sends the release read-only. PUSH: the server receives it, verifies it, keeps it.
 */
export type _claudecluster_v1_TransferOpen_DirectionMessage = typeof _claudecluster_v1_TransferOpen_Direction[keyof typeof _claudecluster_v1_TransferOpen_Direction]

export interface TransferOpenInput {
  'direction'?: (_claudecluster_v1_TransferOpen_DirectionInput);
  'buildHash'?: (string);
  /**
   * The capability letters that the client's rsync announced (after -e.); nothing else of its argv is taken.
   */
  'rsyncCapabilities'?: (string);
}

export interface TransferOpenMessage {
  'direction': (_claudecluster_v1_TransferOpen_DirectionMessage);
  'buildHash': (string);
  /**
   * The capability letters that the client's rsync announced (after -e.); nothing else of its argv is taken.
   */
  'rsyncCapabilities': (string);
}
