/** The serving end: an rsync of our own making between two byte streams. */
import type { Readable, Writable } from 'node:stream';
import { type Direction, serverArgv } from './argv.ts';
import type { Ended } from './outcome.ts';
import { endProcess, keepTail, startRsync, waitForEnd } from './process.ts';

export interface ServeOptions {
  direction: Direction;
  /** The one directory that it may read (pull) or fill (push): its working directory. */
  directory: string;
  capabilities: string;
  /** Releases whose equal files may be linked (push). */
  have: string[];
  /** What the client sends. Not closed by us. */
  input: Readable;
  /** What the client gets; ended when rsync has no more to say. */
  output: Writable;
  signal?: AbortSignal;
}

/**
 * Runs `rsync --server` in the directory until it ends. The streams hold it back when the other side is slow; a stream
 * that breaks off, or an aborted signal, ends it. Throws ClusterError 'usage' for capabilities that are none.
 */
export async function serve(options: ServeOptions): Promise<Ended> {
  const { direction, directory, capabilities, have, input, output, signal } = options;
  const child = startRsync(serverArgv({ direction, capabilities, have }), directory);
  const stderr = keepTail(child.stderr);
  let callOff: (() => void) | undefined;
  const stop = (): void => {
    callOff ??= endProcess(child);
  };
  const inputClosed = (): void => {
    if (!input.readableEnded) stop();
  };
  const outputClosed = (): void => {
    if (!output.writableFinished) stop();
  };
  // A pipe that its reader closed is no event of its own: the process that closed it is about to end.
  child.stdin?.on('error', () => {});
  child.stdout?.on('error', () => {});
  input.on('error', stop).on('close', inputClosed);
  output.on('error', stop).on('close', outputClosed);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted || input.destroyed || output.destroyed) stop();
  try {
    if (child.stdin !== null) input.pipe(child.stdin);
    child.stdout?.pipe(output);
    const end = await waitForEnd(child);
    return { ...end, stdout: '', stderr: stderr() };
  } finally {
    callOff?.();
    if (child.stdin !== null) input.unpipe(child.stdin);
    input.off('error', stop).off('close', inputClosed);
    output.off('error', stop).off('close', outputClosed);
    signal?.removeEventListener('abort', stop);
  }
}
