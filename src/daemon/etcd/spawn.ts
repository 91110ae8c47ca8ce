/** The process of etcd: how it begins, why it ended, and a log that stays within its bounds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, copyFileSync, openSync, statSync, truncateSync } from 'node:fs';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { etcdVariables } from './argv.ts';

export interface EtcdProgram {
  binary: string;
  /** From `etcdArgv`; asked before every start, for the second one is no bootstrap any more. */
  argv: () => string[];
  /** log/etcd.log. */
  logFile: string;
  /** Bytes of log kept, twice (etcd.log and etcd.log.1). Default 8 MiB. */
  logMaxBytes?: number;
  logger: Logger;
}

/** Not detached: in the daemon's process group, so that a kill of the group takes it along. */
export function spawnEtcd(options: EtcdProgram): ChildProcess {
  const log = openSync(options.logFile, 'a', 0o600);
  try {
    // etcd takes settings from ETCD_* too; a stray one must not change how our member runs.
    const kept = Object.entries(process.env).filter(([name]) => !/^ETCD_(?!UNSUPPORTED_ARCH$)/.test(name));
    const env = { ...Object.fromEntries(kept), ...etcdVariables };
    return spawn(options.binary, options.argv(), { stdio: ['ignore', log, log], env });
  } finally {
    closeSync(log);
  }
}

export function whyEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
}

/** etcd writes in append mode, so its log can be copied and cut while it runs. */
export async function trimLog(options: EtcdProgram, clock: Clock, life: AbortSignal): Promise<void> {
  const maxBytes = options.logMaxBytes ?? 8 * 1024 * 1024;
  while (!life.aborted) {
    try {
      if (statSync(options.logFile).size > maxBytes) {
        copyFileSync(options.logFile, `${options.logFile}.1`);
        truncateSync(options.logFile);
      }
    } catch (error) {
      options.logger.warn({ error: String(error) }, 'cannot bound the log of etcd');
    }
    await clock.sleep(10_000, life);
  }
}
