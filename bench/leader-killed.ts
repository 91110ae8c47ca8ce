import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { UpdateEvent } from '../src/cluster/update/event.ts';
import { createHands } from '../test/faults/support/hands.ts';
import { untilWell } from '../test/faults/support/truth.ts';
import { type Build, makeBuild } from '../test/support/builds.ts';
import { spawnCli } from '../test/support/cli.ts';
import type { DevCluster } from '../test/support/dev-cluster.ts';
import { nowMs } from '../test/support/wait.ts';
import { type Benchmark, benchCluster, type Place } from './harness.ts';

/** The leader dies in mid-update, its etcd with it: when does the next one act? */
export const leaderKilled: Benchmark = {
  name: 'leader-killed',
  title: 'the leader killed in mid-update: until the next one acts',
  runs: 3,
  figures: {
    killed: { what: 'leader killed, and started again: the next one acts', unit: 's', target: { atMost: 8 } },
    dark: { what: 'leader without power: the next one acts', unit: 's', target: { atMost: 8 } },
  },
  async open(place) {
    const cluster = await benchCluster(place, 1000);
    const hands = createHands(cluster.nodes);
    return async (n) => {
      const build = (kind: string) =>
        makeBuild({ to: join(place.dir, `build-${kind}-${n}`), note: `leader-killed ${kind} run ${n}` });
      const killed = await untilNextActs(place, cluster, await build('killed'), (leader) => hands.kill(leader));
      const dark = await untilNextActs(
        place,
        cluster,
        await build('dark'),
        (leader) => hands.powerOff(leader),
        () => hands.mend(),
      );
      return { killed, dark };
    };
  },
};

/** Seconds from what `kill` does to the leader, when the first node is on trial, to the first event of another leader. */
async function untilNextActs(
  place: Place,
  cluster: DevCluster,
  build: Build,
  kill: (leader: string) => void,
  mend: () => void = () => undefined,
): Promise<number> {
  const leader = (await untilWell(cluster)).cluster.leader ?? '';
  const child = spawnCli(['update', build.dir, '--yes', '--json'], { config: cluster.config, signal: place.signal });
  child.on('error', () => undefined);
  child.stderr?.resume();
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let fault: { atMs: number; epoch: number } | undefined;
  let next: number | undefined;
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    const atMs = nowMs();
    const { event } = JSON.parse(line) as { event?: UpdateEvent };
    if (event === undefined) continue;
    // On trial: the node is up again, so that the group has its quorum without the leader. (When both are away, the
    // leader's lease begins anew once there is a quorum to count it.)
    if (fault === undefined && event.phase === 'trial') {
      fault = { atMs, epoch: event.epoch };
      kill(leader);
    } else if (fault !== undefined && next === undefined && event.epoch > fault.epoch) {
      next = atMs - fault.atMs;
      mend();
    }
  }
  const code = await ended;
  // With its leader gone for seconds the update may stop (exit code 4): that it is led on is what is measured.
  if (next === undefined || (code !== 0 && code !== 4)) {
    const seen = next === undefined ? 'no other leader acted' : 'another leader acted';
    throw new Error(`${seen}; the update ended with exit code ${code}\n${cluster.logs(15)}`);
  }
  return next / 1000;
}
