/**
 * The node's own etcd process: started, watched, started again, ended. argv, spawn: how it is started · left-over, process: one
 * that outlived its daemon · probe: is it serving · crash-count: when again · members/bootstrap: may it be started at all.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { identify } from '../../base/boot.ts';
import { putMemberFirst } from '../../base/priority.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import { type CrashLimits, createCrashCount } from './crash-count.ts';
import { endLeftOver, type LeftOver, notePid } from './left-over.ts';
import { type EtcdProbeTarget, probeEtcd } from './probe.ts';
import { endProcess } from './process.ts';
import { type EtcdProgram, spawnEtcd, trimLog, whyEnded } from './spawn.ts';

export interface EtcdMemberOptions extends EtcdProgram, LeftOver, CrashLimits {
  probe: EtcdProbeTarget;
  /** Time that SIGTERM is given, ms. Default 5,000. */
  stopGraceMs?: number;
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
  const { clock, logger, stopGraceMs = 5_000 } = options;
  const crashes = createCrashCount(options);
  const stopping = new AbortController();
  let current: EtcdMemberState = { phase: 'idle', pid: null, restarts: 0, reason: 'etcd was not started' };
  let running: Promise<void> = Promise.resolve();

  const become = (change: Partial<EtcdMemberState>): void => {
    current = { ...current, ...change };
  };

  const begun = (pid: number, life: AbortSignal): void => {
    become({ phase: 'starting', pid, reason: 'etcd is starting: it does not serve yet' });
    notePid(options, pid);
    putMemberFirst(pid);
    void probeEtcd(options.probe, clock, life).then(
      (serving) => {
        if (!serving || stopping.signal.aborted) return;
        putMemberFirst(pid); // threads that began before the first time
        become({ phase: 'serving', reason: '' });
      },
      // A certificate and a key that do not belong together, say: the node's health tells, and the daemon lives.
      (thrown: unknown) =>
        become({ reason: `etcd cannot be asked whether it serves: ${asClusterError(thrown).message}` }),
    );
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
    if (child.pid !== undefined) begun(child.pid, life.signal);
    const trimming = trimLog(options, clock, life.signal);
    const why = await ended;
    life.abort();
    await trimming;
    return why;
  };

  const supervise = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const why = await runOnce();
      if (stopping.signal.aborted) break;
      const { failing, pauseMs, often } = crashes.count(clock.nowMs());
      const reason = failing
        ? `etcd ended ${often}: ${why}; see ${options.logFile}`
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
