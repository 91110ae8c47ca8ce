/**
 * A client that writes to the cluster's store all the time, in a process of its own, so that nothing that the test or the
 * bench does disturbs its clock. What it does and how a gap is measured: write-probe-main.ts.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { etcdTlsPaths, loadNodeConfig } from '../../src/daemon/config.ts';
import type { DevCluster } from './dev-cluster.ts';

export interface ProbeOptions {
  /** host:port of every etcd member. */
  endpoints: string[];
  /** PEM files. */
  tls: { ca: string; cert: string; key: string };
  /** Of its keys. */
  prefix: string;
  /** Pause between an acknowledgement and the next write, ms: it counts as part of the gap. */
  everyMs: number;
  /** Deadline of one try, ms. */
  tryTimeoutMs: number;
  /** A write without an answer for this long goes to another endpoint too, ms. */
  hedgeMs: number;
  /** Gaps of at least this length are listed one by one, ms. */
  noteGapsMs: number;
}

export interface ProbeReport {
  /** Numbers 1 … acknowledged were acknowledged. */
  acknowledged: number;
  /** Longest time between two acknowledgements, ms. */
  longestGapMs: number;
  gaps: { ms: number; atMs: number; number: number }[];
  errors: { atMs: number; number: number; endpoint: string; code: number; details: string }[];
  /** Index of the endpoint that it writes to now. */
  endpoint: number;
  /** Acknowledged numbers that the store does not have. Known after `stop`. */
  lost: number;
  elapsedMs: number;
}

export type ProbeToParent =
  | { kind: 'writing' }
  | { kind: 'report'; report: ProbeReport }
  | { kind: 'ended'; report: ProbeReport };

export interface WriteProbe {
  /** How it went so far. */
  report(): Promise<ProbeReport>;
  /** Forgets the longest gap seen so far: what follows is measured by itself. */
  resetGap(): void;
  /** Stops writing, reads everything back, and tells how it went. */
  stop(): Promise<ProbeReport>;
  /** Ends the process at once, whatever it does. */
  kill(): void;
}

/** What it writes to. */
export type ProbeTarget = Pick<ProbeOptions, 'endpoints' | 'tls'>;

/** Starts the probe and returns once its first write was acknowledged. */
export async function startWriteProbe(
  target: DevCluster | ProbeTarget,
  options: Partial<ProbeOptions> = {},
): Promise<WriteProbe> {
  const where = 'endpoints' in target ? target : votersOf(target);
  const all: ProbeOptions = {
    prefix: '/probe/',
    everyMs: 5,
    tryTimeoutMs: 1000,
    hedgeMs: 15,
    noteGapsMs: 50,
    ...where,
    ...options,
  };
  const main = fileURLToPath(new URL('./write-probe-main.ts', import.meta.url));
  const child = fork(main, [JSON.stringify(all)], {
    // Addresses are IPs, on purpose. Room for young objects, or its own garbage collection is a part of what it measures.
    execArgv: ['--disable-warning=DEP0123', '--max-semi-space-size=128', '--import', 'tsx'],
    detached: true, // a Ctrl-C in the terminal is for the one who started it; it ends when that one is gone
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await next(child, 'writing');
  return {
    report: async () => {
      child.send('report');
      return (await next(child, 'report')).report;
    },
    resetGap: () => void child.send('reset-gap'),
    stop: async () => {
      child.send('stop');
      return (await next(child, 'ended')).report;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** The endpoints of all voters, and the certificate of one of them. */
function votersOf(cluster: DevCluster): ProbeTarget {
  const configs = cluster.nodes.map(({ base }) => loadNodeConfig(join(base, 'config.yaml')));
  const endpoints = configs.flatMap(({ etcd }) => ('client' in etcd ? [etcd.client] : []));
  const tls = configs[0] && etcdTlsPaths(configs[0]);
  if (tls === undefined) throw new Error('the cluster has no nodes');
  return { endpoints, tls };
}

/** The next message of one kind. Rejects when the probe ends without it. */
function next<Kind extends ProbeToParent['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<ProbeToParent, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      if ((message as ProbeToParent).kind !== kind) return;
      finish();
      resolve(message as Extract<ProbeToParent, { kind: Kind }>);
    };
    const onExit = (code: number | null): void => {
      finish();
      reject(new Error(`the write probe ended (exit code ${code}) before it said '${kind}'`));
    };
    const finish = (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
