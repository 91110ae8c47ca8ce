import type { Readable, Writable } from 'node:stream';

/** As the client sees it: a pull reads the release of the serving end, a push fills one there. */
export type Direction = 'pull' | 'push';

/** What a transfer cost. */
export interface Moved {
  /** Over the wire, both ways. */
  bytesTransferred: number;
  durationMs: number;
}

/** How long it may take, and who may call it off. */
export interface TransferLimits {
  signal?: AbortSignal;
  /** Milliseconds for the whole of it. Default 600,000. */
  timeoutMs?: number;
}

/** Where the other end is: the words of a program that opens the channel to it. */
export interface Channel extends TransferLimits {
  rshCommand: string[];
}

export interface PullRequest extends Channel {
  /** buildHash of the release that is asked for. */
  hash: string;
  /** Directory that is filled; it exists. What is in it already and equal is left alone. */
  into: string;
  /** Releases on this disk: what they have is not moved. Nothing in them is believed without a comparison. */
  have: string[];
}

export interface PushRequest extends Channel {
  hash: string;
  /** Directory that is sent. */
  dir: string;
}

export interface CopyRequest extends TransferLimits {
  from: string;
  into: string;
  have: string[];
}

export interface ServeRequest {
  direction: Direction;
  /** The one directory that is read (pull) or filled (push). */
  directory: string;
  /** What the client's program announced; nothing else of it is taken. */
  capabilities: string;
  /** As in PullRequest, for a push. */
  have: string[];
  input: Readable;
  output: Writable;
  signal?: AbortSignal;
}

/** How a serving end ended. */
export interface Served {
  /** 0, or what is handed to the client; null: a signal ended it. */
  exitCode: number | null;
  stderr: string;
  /** Did this node's disk refuse? */
  diskFailed: boolean;
}

/**
 * Moves trees of files, whole and as they are: names, links, permissions, contents. Whatever arrives is compared by its
 * content, and is only a partial: a release it becomes in the store. Clients throw ClusterError 'transfer-failed', 'disk',
 * or what the other end said.
 */
export interface Transfer {
  pull(request: PullRequest): Promise<Moved>;
  /** As `pull`, on a tree that should be complete: `changed` names what was not as the other end has it. */
  pullItemized(request: PullRequest): Promise<Moved & { changed: string[] }>;
  push(request: PushRequest): Promise<Moved>;
  /** From directory to directory on this host. */
  copy(request: CopyRequest): Promise<Moved>;
  /**
   * The serving end, with arguments of its own making. Ends when the client does, when a stream breaks off, or when
   * `signal` aborts. Throws ClusterError 'usage' for capabilities that are none.
   */
  serve(request: ServeRequest): Promise<Served>;
}
