// Original file: proto/claudecluster.proto


export interface TaskRequestInput {
  /**
   * argv[0] is looked up in PATH, without a shell. "claudecluster" is the node's own running release.
   */
  'argv'?: (string)[];
  /**
   * Working directory; empty: the node's base directory.
   */
  'cwd'?: (string);
  /**
   * Added to the node's own environment for tasks.
   */
  'env'?: ({[key: string]: string});
  /**
   * Milliseconds until the process group is killed; 0: the node's default (10 minutes).
   */
  'timeoutMs'?: (number);
  /**
   * Written to the task's standard input, which is then closed.
   */
  'stdin'?: (Buffer | Uint8Array | string);
}

export interface TaskRequestMessage {
  /**
   * argv[0] is looked up in PATH, without a shell. "claudecluster" is the node's own running release.
   */
  'argv': (string)[];
  /**
   * Working directory; empty: the node's base directory.
   */
  'cwd': (string);
  /**
   * Added to the node's own environment for tasks.
   */
  'env': ({[key: string]: string});
  /**
   * Milliseconds until the process group is killed; 0: the node's default (10 minutes).
   */
  'timeoutMs': (number);
  /**
   * Written to the task's standard input, which is then closed.
   */
  'stdin': (Buffer);
}
