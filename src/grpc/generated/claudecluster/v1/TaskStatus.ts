// Original file: proto/claudecluster.proto


export interface TaskStatusInput {
  /**
   * Valid when signal is empty.
   */
  'exitCode'?: (number);
  /**
   * "SIGKILL", …: the signal that ended the task.
   */
  'signal'?: (string);
  'timedOut'?: (boolean);
  /**
   * Why the task could not be started; empty when it was.
   */
  'spawnError'?: (string);
}

export interface TaskStatusMessage {
  /**
   * Valid when signal is empty.
   */
  'exitCode': (number);
  /**
   * "SIGKILL", …: the signal that ended the task.
   */
  'signal': (string);
  'timedOut': (boolean);
  /**
   * Why the task could not be started; empty when it was.
   */
  'spawnError': (string);
}
