/** A node's disk (docs/architecture.md has the picture), in one place. Imports nothing but node:path, for the guard uses it. */
import { join } from 'node:path';

export interface NodePaths {
  base: string;
  /** Symlink to releases/<hash>: what runs. */
  dist: string;
  /** Symlink to the known-good release, only during a trial. */
  distBak: string;
  releases: string;
  trial: string;
  /** trial.json after a rollback claimed it by rename: the switch back may still be due. */
  trialEnding: string;
  /** A committed build whose starts still count; and the same after a way back claimed it. */
  probation: string;
  probationEnding: string;
  data: string;
  /** Highest epoch seen. */
  epoch: string;
  /** What the last rollback left: RollbackView as JSON. */
  lastRollback: string;
  /** Of one boot only; may be lost at any time: sockets, healthy marker, last exit. */
  run: string;
  healthy: string;
  lastExit: string;
  supervisorSocket: string;
  /** Where the daemon answers what its own verbs ask of the cluster. */
  nodeSocket: string;
  verbLock: string;
  log: string;
  daemonLog: string;
}

export function nodePaths(base: string): NodePaths {
  const run = join(base, 'run');
  const data = join(base, 'data');
  const log = join(base, 'log');
  return {
    base,
    dist: join(base, 'dist'),
    distBak: join(base, 'dist.bak'),
    releases: join(base, 'releases'),
    trial: join(base, 'trial.json'),
    trialEnding: join(base, 'trial.ending.json'),
    probation: join(base, 'probation.json'),
    probationEnding: join(base, 'probation.ending.json'),
    data,
    epoch: join(data, 'epoch.json'),
    lastRollback: join(data, 'last-rollback.json'),
    run,
    healthy: join(run, 'healthy.json'),
    lastExit: join(run, 'last-exit.json'),
    supervisorSocket: join(run, 'supervisor.sock'),
    nodeSocket: join(run, 'node.sock'),
    verbLock: join(run, 'verb.lock'),
    log,
    daemonLog: join(log, 'daemon.log'),
  };
}
