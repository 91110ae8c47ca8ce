/** What CLI and MCP hold of a cluster while they talk to it: the control port, and what goes beside it. */

import type { Control } from '../cluster/control/control-api.ts';
import type { UpdateEvent } from '../cluster/update/event.ts';
import type { Task } from '../ports/agent.ts';
import type { VersionInfo } from '../ports/releases.ts';

/** How a task on a node ended. */
export interface TaskEnd {
  /** null when a signal ended it. */
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
}

/** Where the output of a task goes, as it comes; a pending promise holds the sender back. */
interface TaskSinks {
  stdout(chunk: Uint8Array): Promise<void>;
  stderr(chunk: Uint8Array): Promise<void>;
}

export interface Session {
  control: Control;
  /**
   * Events of an update ('' = the running or last one) after number `after`, through changes of leader and lost
   * connections; ends after the event of kind 'ended', or when `signal` aborts. `onLooking` hears why no node answers.
   * Throws ClusterError 'unavailable' when no node answered for longer than a change of leader takes.
   */
  watch(
    updateId: string,
    after: number,
    signal: AbortSignal,
    onLooking: (why: string) => void,
  ): AsyncIterable<UpdateEvent>;
  /** Brings a verified release directory into the store of the node at `address`. Throws ClusterError 'transfer-failed', 'verify-failed', … */
  push(address: string, dir: string, version: VersionInfo): Promise<{ bytesTransferred: number }>;
  /** Runs a task on the node at `address`. Throws ClusterError when it could not be run or its end is not known. */
  exec(address: string, task: Task, sinks: TaskSinks, signal: AbortSignal): Promise<TaskEnd>;
  close(): Promise<void>;
}
