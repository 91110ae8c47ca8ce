/** Each kind of fault: it begins now, and hands back what ends it. faults.ts says when. */

import { keys } from '../src/base/store-keys.ts';
import { parseTrial } from '../src/trial/trial-file.ts';
import { cutOn } from './rot-at-rest.ts';
import { bootHost, powerCut } from './world/host.ts';
import type { Random } from './world/random.ts';
import { damaged, releaseFiles } from './world/releases.ts';
import { endProc, nobody } from './world/scheduler.ts';
import type { Daemon, Host, World } from './world/types.ts';

type Fault = (world: World, random: Random, host: Host) => (() => void) | undefined;

const hit = (world: World, host: Host): void => {
  world.checkers.faultHit(host.id);
};

/** The daemon that leads, else any. */
function leaderOr(world: World, host: Host): Daemon | null {
  const leading = world.hosts.find((one) => one.daemon?.leadership?.isLeader() === true);
  return (leading ?? host).daemon;
}

function freeze(world: World, random: Random, daemon: Daemon | null): void {
  if (daemon === null) return;
  const untilMs = Math.min(world.faultsEndMs, world.sched.now() + random.int(200, 9_000));
  daemon.proc.frozenUntil = untilMs;
  hit(world, daemon.host);
  // SIGSTOP of the daemon alone, or of its etcd too.
  if (random.chance(0.5)) world.group.freeze(daemon.host.id, untilMs);
  world.trace.line(`fault: ${daemon.proc.name} frozen until ${untilMs}`);
}

export const faults: Record<string, Fault> = {
  killDaemon: (world, _random, host) => {
    if (host.daemon !== null) endProc(host.daemon.proc);
    hit(world, host);
    return undefined;
  },
  killSupervisor: (world, _random, host) => {
    endProc(host.supervisor);
    hit(world, host);
    return undefined;
  },
  killLeader: (world, _random, host) => {
    const daemon = leaderOr(world, host);
    if (daemon !== null) endProc(daemon.proc);
    hit(world, daemon?.host ?? host);
    return undefined;
  },
  leaderDiesAtCall: (world, random, host) => {
    const daemon = leaderOr(world, host);
    if (daemon !== null) daemon.proc.dieAtCall = daemon.proc.calls + random.int(1, 80);
    return () => {
      if (daemon !== null) daemon.proc.dieAtCall = 0;
    };
  },
  crashAtDiskChange: (world, random, host) => {
    host.crashIn = crashOf(random);
    return () => {
      host.crashIn = null;
      if (!host.up) bootHost(world, host);
    };
  },
  /** In the middle of the next verb of a kind, wherever that runs. */
  crashInVerb: (world, random) => {
    const verb = random.pick(['stage', 'stage', 'activate', 'commit', 'rollback']);
    let hitHost: Host | null = null;
    world.net.onCommand = (command, to) => {
      if (command !== verb) return null;
      hitHost = world.host(to);
      hitHost.crashIn = crashOf(random);
      return { byMs: 0, againMs: null };
    };
    return () => {
      world.net.onCommand = null;
      if (hitHost === null) return;
      hitHost.crashIn = null;
      if (!hitHost.up) bootHost(world, hitHost);
    };
  },
  powerCut: (world, _random, host) => {
    powerCut(world, host);
    return () => {
      if (!host.up) bootHost(world, host);
    };
  },
  rackPowerCut: (world, random) => {
    for (const host of world.hosts) powerCut(world, host);
    return () => {
      for (const host of world.hosts) {
        world.sched.after(nobody, random.int(0, 800), () => {
          if (!host.up) bootHost(world, host);
        });
      }
    };
  },
  freezeNode: (world, random, host) => {
    freeze(world, random, host.daemon);
    return undefined;
  },
  freezeLeader: (world, random, host) => {
    freeze(world, random, leaderOr(world, host));
    return undefined;
  },
  stealLeadership: (world) => {
    // The lease is gone at the server although its holder believes in it.
    const kv = world.store.get(keys.leader);
    if (kv !== null) world.store.revoke(kv.leaseId);
    return undefined;
  },
  /** No quorum for longer than a trial lasts: whoever is on trial has nobody but its guard. */
  majorityAway: (world, random) => {
    const away = world.voters.slice(random.int(1, 2));
    for (const id of away) powerCut(world, world.host(id));
    return () => {
      for (const id of away) if (!world.host(id).up) bootHost(world, world.host(id));
    };
  },
  /** Commands on their way for seconds while somebody else begins to lead. */
  leftBehind: (world, random) => {
    Object.assign(world.net, { delay: 0.5, delayMs: 5_000, doubling: 0.5 });
    world.sched.after(nobody, random.int(50, 1_500), () => {
      const kv = world.store.get(keys.leader);
      if (kv !== null) world.store.revoke(kv.leaseId);
    });
    return () => {
      Object.assign(world.net, { delay: 0, doubling: 0 });
    };
  },
  /** One command comes a second time when somebody else leads, and commands the same node. */
  lateCommand: (world, random) => {
    let over = false;
    world.net.onCommand = (command) => {
      if (command === 'stage') return null;
      world.sched.after(nobody, random.int(1, 400), () => {
        const kv = over ? null : world.store.get(keys.leader);
        if (kv !== null) world.store.revoke(kv.leaseId);
      });
      return { byMs: 0, againMs: random.int(800, 8_000) };
    };
    return () => {
      over = true;
      world.net.onCommand = null;
    };
  },
  /** The quorum is lost between the leader's look at it and the node's own. */
  quorumLostOnTheWay: (world, random) => {
    const away: string[] = [];
    let over = false;
    world.net.onCommand = (command, to) => {
      const others = world.voters.filter((id) => id !== to);
      if (command !== 'activate' || others.length === world.voters.length) return null;
      away.push(...others.slice(world.group.quorum - 1));
      world.sched.after(nobody, random.int(1, 100), () => {
        if (!over) for (const id of away) powerCut(world, world.host(id));
      });
      return { byMs: random.int(600, 3_000), againMs: null };
    };
    return () => {
      over = true;
      world.net.onCommand = null;
      for (const id of away) if (!world.host(id).up) bootHost(world, world.host(id));
    };
  },
  /** A voter goes away while the update is paused, and is still away when it goes on. */
  pausedAway: (world, random, host) => {
    world.ask('pause');
    world.sched.after(nobody, random.int(100, 1_500), () => powerCut(world, host));
    world.sched.after(nobody, random.int(5_500, 8_000), () => world.ask('resume'));
    world.sched.after(nobody, random.int(8_500, 12_000), () => {
      if (!host.up) bootHost(world, host);
    });
    return undefined;
  },
  moveRaftLeader: (world, random) => {
    world.group.transfer(random.pick(world.voters));
    return undefined;
  },
  partition: (world, random, host) => {
    const others = world.hosts.filter((one) => one !== host);
    const away = random.chance(0.5) ? others : others.filter(() => random.chance(0.5));
    const pairs = away.flatMap((one) => [`${host.id}>${one.id}`, `${one.id}>${host.id}`]);
    return block(world, random.chance(0.3) ? pairs.filter(() => random.chance(0.5)) : pairs, host);
  },
  oneWay: (world, random, host) => {
    const others = world.hosts.filter((one) => one !== host);
    const out = random.chance(0.5);
    return block(
      world,
      others.map((one) => (out ? `${host.id}>${one.id}` : `${one.id}>${host.id}`)),
      host,
    );
  },
  lossy: (world, random) => {
    world.net.loss = random.next() * 0.3;
    return () => {
      world.net.loss = 0;
    };
  },
  doubled: (world) => {
    world.net.doubling = 0.5;
    return () => {
      world.net.doubling = 0;
    };
  },
  delayed: (world, random) => {
    world.net.delay = random.next() * 0.3;
    world.net.delayMs = random.int(50, 6_000);
    return () => {
      world.net.delay = 0;
    };
  },
  slowNode: (world, random, host) => {
    const proc = host.daemon?.proc;
    if (proc === undefined) return undefined;
    proc.slowMs = random.int(5, 400);
    hit(world, host);
    return () => {
      proc.slowMs = 0;
    };
  },
  diskFull: (_world, _random, host) => {
    host.disk.full = true;
    return () => {
      host.disk.full = false;
    };
  },
  diskReadOnly: (world, _random, host) => {
    host.disk.readOnly = true;
    hit(world, host);
    return () => {
      host.disk.readOnly = false;
      hit(world, host);
    };
  },
  wallJump: (_world, random, host) => {
    host.wallOffsetMs += random.int(-86_400_000, 86_400_000);
    return undefined;
  },
  casLost: (world) => {
    const kv = world.store.get(keys.update);
    if (kv !== null) world.store.put(keys.update, kv.value);
    return undefined;
  },
  bitRot: (world, random, host) => rot(world, random, host),
  writesItself: (world, random) => writesItself(world, random),
  /** It waits for a node to go on trial. */
  writesItselfSoon: (world, random) => {
    for (const inMs of [500, 1_500, 3_000]) world.sched.after(nobody, inMs, () => writesItself(world, random));
    return undefined;
  },
  longTask: (world, random, host) => {
    if (host.daemon !== null) host.daemon.tasksUntilMs = world.sched.now() + random.int(100, 4_000);
    return undefined;
  },
};

function crashOf(random: Random): Host['crashIn'] {
  const namesOnly = random.chance(0.3);
  return { changes: namesOnly ? random.pick([1, 1, 2, 3]) : random.int(1, 30), power: random.chance(0.5), namesOnly };
}

function block(world: World, pairs: string[], host: Host): () => void {
  for (const pair of pairs) world.net.blocked.add(pair);
  hit(world, host);
  world.group.check();
  return () => {
    for (const pair of pairs) world.net.blocked.delete(pair);
    world.group.check();
  };
}

/** Between the last look at a tree and what it is about nothing can be done about what happens to it. */
const verbRuns = (host: Host): boolean =>
  [...host.procs.values()].some((proc) => !proc.dead && proc.name.endsWith('/verb'));

/** Any file of any release that lies on the disk, in use or not, as long as another node has a good copy of it. */
function rot(world: World, random: Random, host: Host): undefined {
  if (verbRuns(host) || cutOn(host)) return undefined;
  const whole = (one: Host, hash: string): boolean => damaged(one, hash) === null;
  const others = world.hosts.filter((one) => one !== host && one.up);
  const rotten = [...world.builds.keys()].filter(
    (hash) => whole(host, hash) && others.filter((one) => whole(one, hash)).length > 1,
  );
  if (rotten.length > 0) spoil(world, random, host, random.pick(rotten), 'bit rot');
  return undefined;
}

/** A process on trial writes into its own release: garbage, or nothing at all, over any of its files (P7). */
function writesItself(world: World, random: Random): undefined {
  const able = world.hosts.filter((one) => {
    const node = one.disk.find('/trial.json');
    const trial = node?.kind === 'file' ? parseTrial(node.text) : null;
    return one.daemon !== null && one.daemon.release === trial?.release && !verbRuns(one);
  });
  const host = able.length === 0 ? null : random.pick(able);
  const release = host?.daemon?.release;
  if (host !== null && release !== undefined && damaged(host, release) === null) {
    spoil(world, random, host, release, 'a process on trial writes into its own release');
  }
  return undefined;
}

function spoil(world: World, random: Random, host: Host, hash: string, what: string): void {
  const name = random.pick(releaseFiles);
  const file = host.disk.find(`/releases/${hash}/${name}`);
  if (file?.kind !== 'file') return;
  file.text = random.chance(0.3) ? '' : `rot ${file.text}`;
  file.synced = file.text;
  host.disk.version += 1;
  host.rotten.set(hash, world.sched.now());
  host.lookDue = true;
  world.trace.line(`fault: ${what} on ${host.id}: ${hash.slice(0, 6)}/${name}`);
}
