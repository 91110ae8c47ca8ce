/**
 * The node's own etcd process: started, watched, started again, ended. argv: how it is started ·
 * process: left-overs · probe: is it serving · members/bootstrap: may it be started at all.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, openSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { identify } from '../../base/boot.ts';
import { putMemberFirst } from '../../base/priority.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { etcdVariables } from './argv.ts';
import { type EtcdProbeTarget, probeEtcd } from './probe.ts';
import { endProcess, findEtcdOf } from './process.ts';

export interface EtcdMemberOptions {
  clock: Clock;
  logger: Logger;
  binary: string;
  /** From `etcdArgv`; asked before every start, for the second one is no bootstrap any more. */
  argv: () => string[];
  dataDir: string;
  /** run/etcd.pid: `{pid, startTime, bootId}`. */
  pidFile: string;
  /** log/etcd.log. */
  logFile: string;
  probe: EtcdProbeTarget;
  /** Starts in `crashWindowMs` after which it is not started at once any more. Default 5. */
  maxCrashes?: number;
  /** Default 60,000. */
  crashWindowMs?: number;
  /** Pause between attempts after that, ms. Default 30,000. */
  retryMs?: number;
  /** First and longest pause after a crash, ms. Default 100 and 3,000. */
  backoffMs?: { first: number; most: number };
  /** Time that SIGTERM is given, ms. Default 5,000. */
  stopGraceMs?: number;
  /** Bytes of log kept, twice (etcd.log and etcd.log.1). Default 8 MiB. */
  logMaxBytes?: number;
}

export interface EtcdMemberState {
  phase: 'idle' | 'starting' | 'serving' | 'crashed' | 'failing' | 'stopping' | 'stopped';
  pid: number | null;
  /** Starts after a crash since `start()`. */
  restarts: number;
  /** Why it is not serving, for the node's health; '' when it is. */
  reason: string;
}

export interface EtcdMember {
  /** Ends a left-over of this data directory and starts. Throws ClusterError when the left-over cannot be ended. */
  start(): Promise<void>;
  /** Resolves when it serves clients, which needs a quorum of its group; rejects only when `signal` aborts. */
  ready(signal?: AbortSignal): Promise<void>;
  state(): EtcdMemberState;
  /** SIGTERM, SIGKILL after the grace; resolves when it is gone. */
  stop(): Promise<void>;
}

export function createEtcdMember(options: EtcdMemberOptions): EtcdMember {
  const { clock, logger, maxCrashes = 5, crashWindowMs = 60_000, retryMs = 30_000, stopGraceMs = 5_000 } = options;
  const backoff = options.backoffMs ?? { first: 100, most: 3_000 };
  const stopping = new AbortController();
  let current: EtcdMemberState = { phase: 'idle', pid: null, restarts: 0, reason: 'etcd was not started' };
  let running: Promise<void> = Promise.resolve();

  const become = (change: Partial<EtcdMemberState>): void => {
    current = { ...current, ...change };
  };

  /** One life of the process; resolves with why it ended. */
  const runOnce = async (): Promise<string> => {
    let child: ChildProcess;
    try {
      child = spawnEtcd(options);
    } catch (error) {
      // The data may be gone by now: `argv` then says so, and nothing is started on what is left.
      return asClusterError(error).message;
    }
    const ended = whyEnded(child);
    const life = new AbortController();
    if (child.pid !== undefined) {
      become({ phase: 'starting', pid: child.pid, reason: 'etcd is starting: it does not serve yet' });
      notePid(options, child.pid);
      const { pid } = child;
      putMemberFirst(pid);
      void probeEtcd(options.probe, clock, life.signal).then(
        (serving) => {
          if (!serving || stopping.signal.aborted) return;
          putMemberFirst(pid); // threads that began before the first time
          become({ phase: 'serving', reason: '' });
        },
        // A certificate and a key that do not belong together, say: the node's health tells, and the daemon lives.
        (thrown: unknown) =>
          become({ reason: `etcd cannot be asked whether it serves: ${asClusterError(thrown).message}` }),
      );
    }
    const trimming = trimLog(options, clock, life.signal);
    const why = await ended;
    life.abort();
    await trimming;
    return why;
  };

  const supervise = async (): Promise<void> => {
    const crashesMs: number[] = [];
    while (!stopping.signal.aborted) {
      const why = await runOnce();
      if (stopping.signal.aborted) break;
      const nowMs = clock.nowMs();
      crashesMs.push(nowMs);
      while ((crashesMs[0] ?? nowMs) <= nowMs - crashWindowMs) crashesMs.shift();
      const failing = crashesMs.length >= maxCrashes;
      const pauseMs = failing ? retryMs : Math.min(backoff.first * 2 ** (crashesMs.length - 1), backoff.most);
      const reason = failing
        ? `etcd ended ${crashesMs.length} times in ${Math.round(crashWindowMs / 1000)} s, tried again every ${Math.round(retryMs / 1000)} s: ${why}; see ${options.logFile}`
        : `etcd ended: ${why}; starting it again`;
      logger.error({ restarts: current.restarts, failing, pauseMs }, reason);
      become({ phase: failing ? 'failing' : 'crashed', pid: null, reason });
      await clock.sleep(pauseMs, stopping.signal);
      if (!stopping.signal.aborted) become({ restarts: current.restarts + 1 });
    }
    become({ phase: 'stopped', pid: null, reason: 'etcd was stopped' });
  };

  return {
    async start() {
      for (const file of [options.pidFile, options.logFile]) mkdirSync(dirname(file), { recursive: true });
      mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
      await endLeftOver(options, stopGraceMs);
      running = supervise();
    },
    async ready(signal) {
      while (current.phase !== 'serving') {
        if (signal?.aborted) throw new ClusterError('unavailable', 'etcd does not serve yet', { seen: current.reason });
        await clock.sleep(20, signal);
      }
    },
    state: () => current,
    async stop() {
      const pid = current.pid;
      stopping.abort();
      become({ phase: 'stopping', reason: 'etcd is being stopped' });
      const id = pid === null ? null : identify(pid);
      if (id && !(await endProcess(id, clock, stopGraceMs))) logger.error({ pid }, 'etcd did not end');
      await running;
    },
  };
}

/** An etcd whose daemon was killed still holds the data directory and the ports (the one before us, on our base). */
async function endLeftOver(options: EtcdMemberOptions, graceMs: number): Promise<void> {
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
function notePid(options: EtcdMemberOptions, pid: number): void {
  try {
    writeFileSync(options.pidFile, `${JSON.stringify(identify(pid) ?? { pid, startTime: '' })}\n`);
  } catch (error) {
    options.logger.warn({ error: String(error) }, 'cannot write the pid of etcd');
  }
}

/** Not detached: in the daemon's process group, so that a kill of the group takes it along. */
function spawnEtcd(options: EtcdMemberOptions): ChildProcess {
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

function whyEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
}

/** etcd writes in append mode, so its log can be copied and cut while it runs. */
async function trimLog(options: EtcdMemberOptions, clock: Clock, life: AbortSignal): Promise<void> {
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
