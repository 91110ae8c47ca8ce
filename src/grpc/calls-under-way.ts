/** Calls that have not ended: they can be cut off, and a stream may wait for its reader. */

interface Cancellable {
  cancel(): void;
}

/** The calls of one channel that have not ended. */
export function callsUnderWay(): {
  /** Has the call cancelled by the caller's signal and by cancelAll, until the returned function is called. */
  track: (call: Cancellable, signal: AbortSignal | undefined) => () => void;
  cancelAll: () => void;
} {
  const calls = new Set<Cancellable>();
  return {
    track: (call, signal) => {
      const cancel = (): void => call.cancel();
      calls.add(call);
      signal?.addEventListener('abort', cancel, { once: true });
      return () => {
        calls.delete(call);
        signal?.removeEventListener('abort', cancel);
      };
    },
    cancelAll: () => {
      for (const call of [...calls]) call.cancel();
    },
  };
}

/**
 * A stream that may wait for its reader. Its error must not end the process meanwhile (the reader gets it all the same),
 * and the first read has to be asked for: until then grpc-js takes everything off the network that comes.
 */
export function held<Stream extends { on(event: 'error', listener: () => void): unknown; read(size: number): unknown }>(
  stream: Stream,
): Stream {
  stream.on('error', () => {});
  stream.read(0);
  return stream;
}
