/**
 * What breaks in a run, and when; the kinds are in fault-kinds.ts. Every fault ends by `world.faultsEndMs`; from there on
 * the cluster must find its way by itself.
 */
import { faults } from './fault-kinds.ts';
import { planOwnFault } from './own-faults.ts';
import { planRotAtRest } from './rot-at-rest.ts';
import { bootHost } from './world/host.ts';
import { nobody } from './world/scheduler.ts';
import type { World } from './world/types.ts';

const kinds = Object.keys(faults);
/** They lie in wait for a command: most of those come early. */
const inWait = ['lateCommand', 'quorumLostOnTheWay', 'crashInVerb'];

export function planFaults(world: World): void {
  if (planOwnFault(world)) return;
  const random = world.random.fork('faults');
  const busy = random.chance(0.85);
  const count = busy ? random.pick([1, 1, 2, 2, 3, 3, 4, 5, 7]) : 0;
  const long = random.chance(0.06);
  const spanMs = long ? 46_000 : random.int(6_000, 30_000);
  world.faultsEndMs = 3_000 + spanMs;
  if (busy) planRotAtRest(world);
  const ends: (() => void)[] = [];
  for (let at = 0; at < count; at += 1) {
    const kind = long && at === 0 ? 'majorityAway' : random.pick(kinds);
    // Most of them while the first nodes are in flight: there is most to break.
    const waits = inWait.includes(kind) && random.chance(0.5);
    const laterMs = 2_500 + random.int(0, random.chance(0.7) ? Math.min(12_000, spanMs - 1_000) : spanMs - 1_000);
    const startMs = waits ? 1_500 : laterMs;
    const lastsMs = waits ? spanMs : kind === 'majorityAway' ? 30_000 : random.pick([100, 1_000, 4_000, 12_000]);
    const mine = random.fork(`${at}`);
    world.sched.after(nobody, startMs, () => {
      const host = mine.pick(world.hosts.slice(0, mine.chance(0.8) ? world.voters.length : undefined));
      world.trace.line(`fault: ${kind} at ${host.id}`);
      world.stats.faults += 1;
      const end = faults[kind]?.(world, mine, host);
      if (end === undefined) return;
      ends.push(end);
      world.sched.after(nobody, Math.min(lastsMs, world.faultsEndMs - world.sched.now()), () => {
        world.trace.line(`fault over: ${kind} at ${host.id}`);
        end();
      });
    });
  }
  world.sched.after(nobody, world.faultsEndMs, () => {
    for (const end of ends) end();
    for (const host of world.hosts) {
      host.crashIn = null;
      if (!host.up) bootHost(world, host);
    }
    // A way that spoils a build each time is a fault, too.
    for (const build of world.builds.values()) build.corruptOn.clear();
    world.trace.line('all faults are over');
  });
}
