/** What restarts the daemon: our supervisor, or systemd. */
export interface ServiceManager {
  readonly kind: 'supervisor' | 'systemd';
  /**
   * Has the deadlines of the trial on disk watched by something that belongs to the known-good release.
   * Called before the switch. Throws ClusterError 'service-manager'.
   */
  armTrial(): Promise<void>;
  /** The trial is over: stop watching. Never throws; a watcher that finds no trial does nothing. */
  disarmTrial(): Promise<void>;
  /** Asks for a restart and returns when it was taken, not when it happened. Throws ClusterError 'service-manager'. */
  requestRestart(why: string): Promise<void>;
}
