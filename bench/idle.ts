import { setTimeout as sleep } from 'node:timers/promises';
import type { DevNode } from '../test/support/dev-cluster.ts';
import { cpuMs, daemonOf, residentBytes, startedAtMs } from '../test/support/processes.ts';
import { nowMs, waitFor } from '../test/support/wait.ts';
import { type Benchmark, benchCluster } from './harness.ts';
import { traceNode } from './trace.ts';

const idleMs = 60_000;

/** What a daemon costs when nothing happens, and how soon it is there. Its etcd is a process of its own, and not counted. */
export const idle: Benchmark = {
  name: 'idle',
  title: 'a node daemon that is idle for a minute, and one that starts with a member that has data',
  runs: 3,
  figures: {
    resident: { what: 'daemon idle for a minute: resident memory', unit: 'MB', target: { atMost: 120 } },
    cpu: { what: 'daemon idle for a minute: CPU', unit: '% of one core', target: { atMost: 2 } },
    ready: { what: 'daemon ready, from exec, with a member that has data', unit: 's', target: { atMost: 2 } },
  },
  async open(place) {
    const cluster = await benchCluster(place, 5000);
    return async (n) => {
      const daemons = cluster.nodes.map(({ base }) => mustFind(base));
      const before = daemons.map(cpuMs);
      const beganMs = nowMs();
      await sleep(idleMs, undefined, { signal: place.signal });
      const tookMs = nowMs() - beganMs;
      const used = daemons.map((pid, i) => cpuMs(pid) - (before[i] ?? 0));
      const resident = Math.max(...daemons.map(residentBytes)) / 1e6;
      const node = cluster.nodes[n % cluster.nodes.length];
      if (node === undefined) throw new Error('the cluster has no nodes');
      return { resident, cpu: (Math.max(...used) / tookMs) * 100, ready: (await restart(node)) / 1000 };
    };
  },
};

/** Ends a daemon as a service manager would, and measures the next one from its exec to healthy, in ms. */
async function restart(node: DevNode): Promise<number> {
  const trace = traceNode(node);
  const old = mustFind(node.base);
  process.kill(old, 'SIGTERM');
  const timeoutMs = 30_000;
  const pid = await waitFor(
    'the next daemon',
    () => {
      const found = daemonOf(node.base)?.pid;
      return found === old ? undefined : found;
    },
    { timeoutMs },
  );
  const began = startedAtMs(pid);
  const healthy = await waitFor(
    'the daemon to be healthy',
    () => trace.moments.find((moment) => moment.kind === 'healthy' && moment.atMs > began),
    { timeoutMs },
  );
  trace.close();
  return healthy.atMs - began;
}

function mustFind(base: string): number {
  const found = daemonOf(base);
  if (found === undefined) throw new Error(`no daemon runs in ${base}`);
  return found.pid;
}
