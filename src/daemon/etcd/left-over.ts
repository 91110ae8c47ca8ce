/** An etcd that outlived its daemon: ended before another one starts, and found by people through its pid file. */
import { writeFileSync } from 'node:fs';
import { identify } from '../../base/boot.ts';
import { ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { endProcess, findEtcdOf } from './process.ts';

export interface LeftOver {
  clock: Clock;
  logger: Logger;
  dataDir: string;
  /** run/etcd.pid: `{pid, startTime, bootId}`. */
  pidFile: string;
}

/** An etcd whose daemon was killed still holds the data directory and the ports (the one before us, on our base). */
export async function endLeftOver(options: LeftOver, graceMs: number): Promise<void> {
  for (const id of findEtcdOf(options.dataDir)) {
    options.logger.warn({ pid: id.pid }, 'ending an etcd that was left over on our data directory');
    if (await endProcess(id, options.clock, graceMs)) continue;
    throw new ClusterError('operator-needed', 'an etcd that was left over cannot be ended', {
      seen: `process ${id.pid} still runs on ${options.dataDir}`,
      wanted: 'no other etcd on this data directory',
      next: `end process ${id.pid} by hand; the daemon goes on when it is gone`,
    });
  }
}

/** For people and tools; a left-over is found without it, so a full disk does no harm here. */
export function notePid(options: LeftOver, pid: number): void {
  try {
    writeFileSync(options.pidFile, `${JSON.stringify(identify(pid) ?? { pid, startTime: '' })}\n`);
  } catch (error) {
    options.logger.warn({ error: String(error) }, 'cannot write the pid of etcd');
  }
}
