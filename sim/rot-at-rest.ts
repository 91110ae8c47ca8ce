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
  if (!random.chance(0.12)) return;
  const atMs = random.int(2_500, world.faultsEndMs - 3_000);
  const host = random.pick(world.hosts);
  // On probation it is gone back from by count: then one disk may not speak against the build (P10).
  const onProbation = random.chance(0.5);
  world.sched.after(nobody, atMs, () => wait(world, host, onProbation, looks));
}

function wait(world: World, host: Host, onProbation: boolean, left: number): void {
  if (left === 0 || world.sched.now() >= world.faultsEndMs) return;
  if (!cut(world, host, onProbation)) {
    world.sched.after(nobody, 500, () => wait(world, host, onProbation, left - 1));
  }
}

function cut(world: World, host: Host, onProbation: boolean): boolean {
  const { daemon, disk } = host;
  const busy = ['/trial.json', '/trial.ending.json', '/probation.ending.json', '/dist.bak'];
  if (daemon === null || busy.some((name) => disk.find(name) !== null)) return false;
  if (onProbation !== (disk.find('/probation.json') !== null)) return false;
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
