/** One daemon per base: two would share an etcd data directory, a certificate and a trial. */
import { join } from 'node:path';
import { asIdentity, isSameProcess, type ProcessIdentity } from '../base/boot.ts';
import { quietly, readTextOrNull } from '../base/files.ts';
import { tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';

export const daemonLock = (base: string): string => join(nodePaths(base).run, 'daemon.lock');

/**
 * Holds the base for this process; returns what lets go of it. A daemon that was killed holds nothing.
 * Throws ClusterError 'refused' naming the daemon that runs. A disk that cannot be written is no reason to stay down.
 */
export function holdDaemon(base: string, what: string): () => void {
  const { run } = nodePaths(base);
  const other = runningDaemon(join(run, 'daemon.json'));
  if (other !== null && other.pid !== process.pid) throw taken(base, other.pid);
  let release = (): void => {};
  let holder: number | null = null;
  quietly(() => {
    const lock = tryLock(daemonLock(base), what);
    if (lock.held) release = lock.release;
    else holder = lock.by?.pid ?? null;
  });
  if (holder !== null) throw taken(base, holder);
  return release;
}

/** Whom the supervisor noted as the daemon of this base, if it lives. */
function runningDaemon(file: string): ProcessIdentity | null {
  try {
    const identity = asIdentity(JSON.parse(readTextOrNull(file) ?? 'null'));
    return identity !== null && isSameProcess(identity) ? identity : null;
  } catch {
    return null;
  }
}

function taken(base: string, pid: number): ClusterError {
  return new ClusterError('refused', 'a daemon of this base runs already', {
    seen: `process ${pid} runs ${base}`,
    wanted: 'one daemon per base',
    next: `if that is not the one you want, stop it first: kill ${pid}; under a supervisor, stop that`,
  });
}
