/** Ctrl-C, a terminal that is closed, a CI job that is cancelled: all of them end the work, none of them the cleaning up. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` until it ends, or until somebody interrupts: then it rejects at once and `signal` is aborted. Later signals
 * are ignored, so that the caller can clean up in peace. A parent that dies (npm was killed) is an interruption too.
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    const interrupt = (why: string): void => {
      if (controller.signal.aborted) {
        console.error('still cleaning up');
        return;
      }
      controller.abort();
      reject(new Error(`interrupted (${why})`));
    };
    for (const name of signals) process.on(name, () => interrupt(name));
    process.stdout.on('error', () => interrupt('nobody reads the output any more'));
    watchParent(() => interrupt('the parent process is gone'));
  });
  return Promise.race([work(controller.signal), interrupted]);
}

/** Only under npm, which starts us and waits for us; a shell may well leave a job running behind it. */
function watchParent(onGone: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, 500);
  timer.unref();
}
