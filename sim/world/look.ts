/** A node's look at its releases: the real watch, the real look, and the hash of what is on the simulated disk. */
import { createLookWatch, type LookWatch } from '../../src/daemon/look-watch.ts';
import { ClusterError } from '../../src/errors.ts';
import { type LookResult, lookAtReleases } from '../../src/host/look.ts';
import { whyNotWhole } from '../../src/trial/whole.ts';
import { clockOf, loggerOf } from './ports.ts';
import { damaged } from './releases.ts';
import type { Proc } from './scheduler.ts';
import type { Host, World } from './types.ts';

type Looked = ReturnType<LookWatch['looked']>;

/** Hashes the release, which takes its time. Throws as src/release/store.ts does. */
export async function verifyOn(world: World, host: Host, proc: Proc, hash: string): Promise<void> {
  await world.sched.later(proc, world.timing.int(5, 60), () => undefined);
  if (damaged(host, hash) === 'missing') throw new ClusterError('not-found', `${hash}: missing`);
  const why = whyNotWhole(host.base, hash);
  if (why !== '') throw new ClusterError('verify-failed', `${hash}: ${why}`);
}

const lastRotMs = (host: Host): number => Math.max(0, ...host.rotten.values());

export async function lookOn(world: World, host: Host, proc: Proc): Promise<LookResult> {
  const rotAtMs = lastRotMs(host);
  const clock = clockOf(world, host, proc);
  const verifyRelease = (_base: string, hash: string): Promise<void> => verifyOn(world, host, proc, hash);
  const looked = await lookAtReleases({ base: host.base, nodeId: host.id, clock, bootId: host.bootId, verifyRelease });
  // Only one that came to its end has seen it, and what a disk took no note of is forgotten with the process.
  const noted = looked.damaged.length === 0 || host.disk.find('/data/damaged.json') !== null;
  if (rotAtMs === lastRotMs(host) && noted) host.lookDue = false;
  if (host.daemon !== null) world.sched.after(host.daemon.proc, 2, () => host.onLooked());
  return looked;
}

export function lookWatchOf(
  world: World,
  host: Host,
  proc: Proc,
  { running, told }: { running: string; told: string | null },
): LookWatch {
  const [clock, logger] = [clockOf(world, host, proc), loggerOf(world, host.id)];
  // Both are asked all the time, and read anew only when the disk changed, or a look has ended.
  let known: { version: number; why: string } | null = null;
  let seen: { version: number; atMs: number; looked: Looked } | null = null;
  /** What the watch does with a look it does in the same turn. */
  let endedAt = -1;
  const look = async (): Promise<LookResult> => {
    const looked = await lookOn(world, host, proc);
    seen = null;
    endedAt = world.sched.turn();
    world.sched.after(proc, 1, () => {
      known = null;
    });
    return looked;
  };
  const watch = createLookWatch({ base: host.base, running, clock, logger, told, look, lookHere: look });
  const why = (): string => {
    if (known?.version !== host.disk.version) {
      // Whoever asks: it is this host's boot that counts.
      known = { version: host.disk.version, why: world.sched.as(proc, watch.damaged) };
    }
    return known.why;
  };
  const looked = (): Looked => {
    if (globalThis.simExact || world.sched.turn() === endedAt) return watch.looked();
    const nowMs = world.sched.now();
    if (seen?.version !== host.disk.version) {
      seen = { version: host.disk.version, atMs: nowMs, looked: watch.looked() };
    }
    const { damage, lastLookMsAgo } = seen.looked;
    return { damage, lastLookMsAgo: lastLookMsAgo === null ? null : lastLookMsAgo + nowMs - seen.atMs };
  };
  return { ...watch, damaged: why, looked };
}
