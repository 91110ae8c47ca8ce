/** Heartbeats on the node's lease, and the truth about its health. */
import { keys } from '../../src/base/store-keys.ts';
import { readTrial, writeHealthyMarker } from '../../src/trial/trial-view.ts';
import { reasonsOf } from './agent.ts';
import { type BeatRecord, clockOf } from './ports.ts';
import type { SimLease } from './store.ts';
import { textOf } from './texts.ts';
import type { Daemon, World } from './types.ts';

/** One heartbeat: renews the lease and writes the node's record through its own member. */
export function beat(world: World, daemon: Daemon): void {
  const { host, proc } = daemon;
  const { sched, store } = world;
  sched.after(proc, world.heartbeatMs + world.timing.int(0, 20), () => beat(world, daemon));
  if (!store.available(host.id, true) || world.net.lost()) {
    if (daemon.lease !== null && !daemon.lease.alive()) loseLease(daemon);
    noteHealth(world, daemon);
    return;
  }
  store.expire();
  if (daemon.lease === null || !store.renew(daemon.lease.id)) {
    if (daemon.lease !== null) loseLease(daemon);
    daemon.lease = grantLease(world);
    for (const listener of daemon.leaseListeners) listener();
  }
  daemon.lease.renewedAtMs = sched.now();
  daemon.seq += 1;
  daemon.lastBeatMs = sched.now();
  const { buildHash, version, gitCommit } = daemon.build.version;
  const record: BeatRecord = {
    nodeId: host.id,
    incarnation: daemon.incarnation,
    seq: daemon.seq,
    leaseId: daemon.lease.id,
    heartbeatMs: world.heartbeatMs,
    leaseMs: world.leaseMs,
    address: host.address,
    role: host.role,
    status: daemon.draining || daemon.stopping ? 'draining' : 'active',
    release: { buildHash, version, gitCommit },
    trial: host.disk.root.entries.has('trial.json') ? (readTrial(host.base)?.release ?? null) : null,
    ...(daemon.look.looked().damage.length > 0 ? { damaged: true } : {}),
    protocol: daemon.side.protocol,
    memberId: null,
    writtenMs: sched.now(),
  };
  store.put(keys.node(host.id), textOf(record), daemon.lease.id);
  if (daemon.wasHealthy) daemon.beatsHealthy += 1;
  noteHealth(world, daemon);
}

function loseLease(daemon: Daemon): void {
  daemon.lease?.lose();
  daemon.lease = null;
  for (const listener of daemon.leaseListeners) listener();
}

function grantLease(world: World): SimLease {
  const id = world.store.grant(world.leaseMs);
  const gone = new AbortController();
  const lease: SimLease = {
    id,
    renewedAtMs: world.sched.now(),
    lost: gone.signal,
    alive: () => !gone.signal.aborted && world.sched.now() < lease.renewedAtMs + world.leaseMs,
    revoke: async () => world.store.revoke(id),
    lose: () => gone.abort(),
  };
  return lease;
}

/** Keeps the truth about the health of this incarnation, and the marker that its guard looks for. */
export function noteHealth(world: World, daemon: Daemon): void {
  const healthy = !daemon.proc.dead && reasonsOf(world, daemon).length === 0;
  if (!healthy) {
    if (daemon.healthySinceMs !== null) daemon.illSinceMs = world.sched.now();
    daemon.healthySinceMs = null;
    return;
  }
  if (daemon.healthySinceMs === null) {
    daemon.healthySinceMs = world.sched.now();
    daemon.wasHealthy = true;
    world.checkers.daemonHealthy(daemon);
  }
  if (daemon.markerWritten) return;
  try {
    writeHealthyMarker(daemon.host.base, daemon.incarnation, daemon.release, clockOf(world, daemon.host, daemon.proc));
    daemon.markerWritten = true;
  } catch {
    // A disk that takes no changes: tried again at the next heartbeat.
  }
}
