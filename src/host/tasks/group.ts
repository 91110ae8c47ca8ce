/** The process group of a task: ended as a whole, in two steps. */

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the group is gone already, which is what was wanted.
  }
}

/** Ends a process group in two steps; `stopped` says whether that was asked for. */
export function groupEnder(
  pid: number,
  killAfterMs: number,
): { stop: () => void; kill: () => void; stopped: () => boolean } {
  let stopped = false;
  let killed = false;
  let timer: NodeJS.Timeout | undefined;
  return {
    stop: () => {
      // After the last SIGKILL the number may soon be another group's.
      if (!stopped && !killed) {
        signalGroup(pid, 'SIGTERM');
        timer = setTimeout(signalGroup, killAfterMs, pid, 'SIGKILL');
      }
      stopped = true;
    },
    kill: () => {
      killed = true;
      clearTimeout(timer);
      signalGroup(pid, 'SIGKILL');
    },
    stopped: () => stopped,
  };
}
