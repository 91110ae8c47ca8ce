/** The serving end: an rsync of our own making between two byte streams. */
import type { ServeRequest } from '../../ports/transfer.ts';
import { serverArgv } from './argv.ts';
import type { Ended } from './outcome.ts';
import { endProcess, keepTail, startRsync, waitForEnd } from './process.ts';

/**
 * Runs `rsync --server` in the directory until it ends; the directory is its working directory, and it knows no other
 * path. `input` is not closed, `output` is ended when rsync has no more to say. The streams hold it back when the other side is slow; a stream
 * that breaks off, or an aborted signal, ends it. Throws ClusterError 'usage' for capabilities that are none.
 */
export async function serve(options: ServeRequest): Promise<Ended> {
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
