/**
 * In a few seeds, beside the other faults: the committed release that a node runs rots where it starts, and its daemon
 * ends. Only its guard can help, and only while another release that was committed there is whole: without one it takes a
 * hand, which is no matter of a simulation.
 */
import { committedHere } from '../src/release/committed.ts';
import { cutShort, damaged, linked, startsNever } from './world/releases.ts';
import { endProc, nobody } from './world/scheduler.ts';
import type { Host, World } from './world/types.ts';

/** It waits for a node that is in the middle of nothing; so often it looks, and then gives up. */
const looks = 20;

export function planRotAtRest(world: World): void {
  const random = world.random.fork('rot at rest');
  if (!random.chance(0.06)) return;
  world.sched.after(nobody, random.int(2_500, world.faultsEndMs - 3_000), () =>
    wait(world, random.pick(world.hosts), looks),
  );
}

function wait(world: World, host: Host, left: number): void {
  if (left === 0 || world.sched.now() >= world.faultsEndMs) return;
  if (!cut(world, host)) world.sched.after(nobody, 500, () => wait(world, host, left - 1));
}

function cut(world: World, host: Host): boolean {
  const { daemon, disk } = host;
  const busy = ['/trial.json', '/trial.ending.json', '/probation.json', '/probation.ending.json', '/dist.bak'];
  if (daemon === null || busy.some((name) => disk.find(name) !== null)) return false;
  const verbRuns = [...host.procs.values()].some((proc) => !proc.dead && proc.name.endsWith('/verb'));
  const { release } = daemon;
  if (verbRuns || !linked(host).includes(release) || damaged(host, release) !== null) return false;
  const others = committedHere(host.base).filter((hash) => hash !== release && damaged(host, hash) === null);
  const file = disk.find(`/releases/${release}/index.js`);
  if (others.length === 0 || file?.kind !== 'file') return false;
  file.text = cutShort;
  file.synced = cutShort;
  disk.version += 1;
  host.rotten.set(release, world.sched.now());
  host.lookDue = true;
  world.stats.faults += 1;
  world.trace.line(`fault: ${release.slice(0, 6)} on ${host.id} rots where it starts, and its daemon ends`);
  world.checkers.faultHit(host.id);
  endProc(daemon.proc);
  return true;
}

/** One that only another release can help has no other one spoiled. */
export function cutOn(host: Host): boolean {
  return [...host.rotten.keys()].some((hash) => startsNever(host, hash));
}
