import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { UpdateEvent } from '../src/cluster/update/types.ts';
import { makeBuild } from '../test/support/builds.ts';
import { spawnCli } from '../test/support/cli.ts';
import type { DevCluster } from '../test/support/dev-cluster.ts';
import { daemonOf, etcdOf } from '../test/support/processes.ts';
import { nowMs } from '../test/support/wait.ts';
import { type Benchmark, benchCluster } from './harness.ts';

/** The leader dies in mid-update, its etcd with it: when does the next one act? */
export const leaderKilled: Benchmark = {
  name: 'leader-killed',
  title: 'the leader killed in mid-update: until the next one acts',
  runs: 3,
  figures: {
    next: { what: 'leader killed in mid-update: the next one acts', unit: 's', target: { atMost: 8 } },
  },
  async open(place) {
    const cluster = await benchCluster(place, 1000);
    return async (n) => {
      const build = await makeBuild({ to: join(place.dir, `build-${n}`), note: `leader-killed run ${n}` });
      const leader = (await cluster.status()).cluster.leader;
      const child = spawnCli(['update', build.dir, '--yes', '--json'], {
        config: cluster.config,
        signal: place.signal,
      });
      child.on('error', () => undefined);
      child.stderr?.resume();
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      let killed: { atMs: number; epoch: number } | undefined;
      let next: number | undefined;
      for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
        const atMs = nowMs();
        const { event } = JSON.parse(line) as { event?: UpdateEvent };
        if (event === undefined) continue;
        if (killed === undefined && event.step?.kind === 'activate') {
          killed = { atMs, epoch: event.epoch };
          killNode(cluster, leader);
        } else if (killed !== undefined && event.epoch > killed.epoch) {
          next ??= atMs - killed.atMs;
        }
      }
      const code = await ended;
      if (next === undefined || code !== 0) {
        const seen = next === undefined ? 'no other leader acted' : 'another leader acted';
        throw new Error(`${seen}; the update ended with exit code ${code}\n${cluster.logs(15)}`);
      }
      return { next: next / 1000 };
    };
  },
};

/** kill -9 of the daemon and its etcd together. */
function killNode(cluster: DevCluster, nodeId: string | null): void {
  const base = cluster.nodes.find((node) => node.nodeId === nodeId)?.base;
  if (base === undefined) throw new Error('the cluster has no leader');
  for (const found of [daemonOf(base), etcdOf(base)]) if (found) process.kill(found.pid, 'SIGKILL');
}
