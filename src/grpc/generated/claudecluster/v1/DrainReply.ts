// Original file: proto/claudecluster.proto


export interface DrainReplyInput {
  /**
   * Tasks that still run.
   */
  'runningTasks'?: (number);
}

export interface DrainReplyMessage {
  /**
   * Tasks that still run.
   */
  'runningTasks': (number);
}
