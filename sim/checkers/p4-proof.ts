/** P4: what is committed had proved itself: this very process, healthy, caught up, with its heartbeats in the store. */
import { keys } from '../../src/base/store-keys.ts';
import type { Checker, World } from '../world/types.ts';
import { recordOf } from './parse.ts';

/** What changed this shortly before could not have been seen any more, ms. */
const tooLateMs = 1_000;

export function checkProof(world: World): Checker {
  const endedMs = new Map<string, number>();
  return {
    daemonEnded: ({ host }) => void endedMs.set(host.id, world.sched.now()),
    committed(host, trial) {
      const { daemon } = host;
      const now = world.sched.now();
      const words = `${host.id} is committed to ${trial.release.slice(0, 6)}`;
      if (daemon === null) {
        const recent = now - (endedMs.get(host.id) ?? 0) <= tooLateMs;
        if (!recent) world.violate('P4', `${words} and runs nothing`);
        return;
      }
      if (daemon.release !== trial.release)
        return world.violate('P4', `${words} and runs ${daemon.release.slice(0, 6)}`);
      const running = world.store.get(keys.update);
      const record = running === null ? null : recordOf(running.value);
      const task = record?.id === trial.updateId ? record.tasks.findLast((one) => one.nodeId === host.id) : undefined;
      if (task !== undefined && task.incarnationTrial !== '' && task.incarnationTrial !== daemon.incarnation) {
        return world.violate('P4', `${words} as another process than the one that was looked at`);
      }
      const wanted = world.options.heartbeats;
      if (daemon.beatsHealthy < wanted) {
        return world.violate(
          'P4',
          `${words} after ${daemon.beatsHealthy} heartbeats of this process, ${wanted} wanted`,
        );
      }
      if (daemon.healthySinceMs === null && now - daemon.illSinceMs > tooLateMs) {
        return world.violate('P4', `${words} and is unhealthy for ${now - daemon.illSinceMs} ms`);
      }
      const lag = host.role === 'voter' ? world.group.lag(host.id) : 0;
      const slack = 2 * (world.options.maxLagEntries + 2_000);
      if (lag > slack) world.violate('P4', `${words} and is ${lag} entries behind`);
    },
  };
}
