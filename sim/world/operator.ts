/** Operators: they bring builds in, start updates, and pause, abort, revert or start a second one at bad moments. */

import { keys } from '../../src/base/store-keys.ts';
import type { ControlAction } from '../../src/cluster/control/control-api.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { Behaviour, Build } from './builds.ts';
import { ownError } from './own-error.ts';
import type { Random } from './random.ts';
import { damaged, install } from './releases.ts';
import { nobody } from './scheduler.ts';
import { readBack } from './texts.ts';
import type { Daemon, World } from './types.ts';

const behaviours: [Behaviour, number][] = [
  ['good', 10],
  ['crashes', 2],
  ['hangs', 1],
  ['healthy-then-crashes', 3],
  ['healthy-then-ill', 1],
  ['never-joins', 1],
  ['lags', 1],
  ['crashes-once', 1],
  ['fails-self-test', 1],
];

function pickBehaviour(random: Random): Behaviour {
  let left = random.int(
    1,
    behaviours.reduce((sum, [, weight]) => sum + weight, 0),
  );
  for (const [behaviour, weight] of behaviours) {
    left -= weight;
    if (left <= 0) return behaviour;
  }
  return 'good';
}

function newBuild(world: World, random: Random, behaviour: Behaviour): Build {
  const build = world.newBuild(behaviour, random);
  if (random.chance(0.3)) build.onlyOn = random.pick(world.hosts).id;
  if (random.chance(0.08)) build.corruptOn.set(random.pick(world.hosts).id, random.pick(['once', 'always'] as const));
  return build;
}

export function runningUpdate(world: World): UpdateRecord | null {
  const kv = world.store.get(keys.update);
  return kv === null ? null : (readBack(kv.value) as UpdateRecord);
}

/** Healthy everywhere, no update, no trial: what must come of itself once the faults are over. */
export function whatIsLeft(world: World): string {
  const running = runningUpdate(world);
  if (running !== null)
    return `update ${running.id} is ${running.state}: ${JSON.stringify(running.waiting ?? running.intent)}`;
  for (const host of world.hosts) {
    const looks = !globalThis.simMixed || host.daemon?.side.verbs.verify !== undefined;
    if (looks && host.lookDue && host.daemon?.listening === true) {
      // The hour that a node may take to look by itself is not waited for.
      host.daemon.side.answerTask(
        world,
        host.daemon,
        { argv: ['claudecluster', 'node', 'verify'], timeoutMs: 8_000 },
        () => undefined,
      );
      return `${host.id} has not looked at its releases`;
    }
    if (host.daemon === null) return `${host.id} runs no daemon`;
    const reasons = host.daemon.side.reasonsOf(world, host.daemon);
    if (reasons.length > 0) return `${host.id} is not healthy: ${reasons.join('; ')}`;
    for (const name of ['trial.json', 'trial.ending.json']) {
      if (host.disk.find(`/${name}`) !== null) return `${host.id} has a ${name}`;
    }
    if (host.daemon.draining) return `${host.id} is draining`;
  }
  if (world.store.get(keys.leader) === null) return 'nobody leads';
  const byHand = world.store.get(keys.byHand);
  if (byHand !== null) return `a place is held by hand: ${byHand.value}`;
  return '';
}

/** How long the cluster has for that, ms: every node's whole trial and way back, one after the other. */
function boundMs(world: World): number {
  const { trialMs, gateTimeoutMs, rollbackTimeoutMs } = world.options;
  return 30_000 + rollbackTimeoutMs + gateTimeoutMs * 2 + world.hosts.length * (trialMs / 3);
}

export function startOperators(world: World, done: () => void): void {
  const random = world.random.fork('operators');
  const { sched } = world;
  let attempts = 0;
  const target = newBuild(world, random, pickBehaviour(random));
  const closing = random.chance(0.3);
  let closingBuild: Build | null = null;
  let stopped = false;

  const leading = (): Daemon | null => {
    const found = world.hosts.find((host) => host.daemon?.leadership?.isLeader() === true);
    return found?.daemon ?? null;
  };

  const start = (build: Build, by: string, then: (error: string) => void): void => {
    const daemon = leading();
    if (daemon?.control == null) return void sched.after(nobody, 500, () => then('no-leader'));
    try {
      if (damaged(daemon.host, build.hash) !== null) install(daemon.host, build.hash);
    } catch {
      return void sched.after(nobody, 500, () => then('the disk of the leader refuses the build'));
    }
    const { control, proc } = daemon;
    let told = false;
    const tell = (error: string): void => {
      if (told) return;
      told = true;
      sched.after(nobody, 1, () => then(error));
    };
    sched.after(nobody, 12_000, () => tell('no answer'));
    sched.after(proc, 1, () => {
      const options = { ...daemon.side.defaultOptions, ...world.asked };
      control.start({ buildHash: build.hash, by, options }).then(
        (record) => {
          world.stats.updates += 1;
          world.trace.line(`operator ${by}: started ${record.id} to ${build.hash.slice(0, 6)} (${build.behaviour})`);
          tell('');
        },
        (thrown: unknown) => {
          const error = ownError(thrown);
          world.trace.line(`operator ${by}: ${error.code}: ${error.message}`);
          tell(error.detail.seen ?? error.code);
        },
      );
    });
  };

  const tryTarget = (): void => {
    attempts += 1;
    start(target, 'ann', (error) => {
      if (error !== '' && attempts < 12 && sched.now() < world.faultsEndMs) sched.after(nobody, 700, tryTarget);
    });
  };
  const firstMs = random.int(2_300, 4_000);
  sched.after(nobody, firstMs, tryTarget);

  const ask = (action: ControlAction): void => {
    const able = world.hosts.filter((host) => host.daemon?.control != null);
    const daemon = able.length === 0 ? null : random.pick(able).daemon;
    if (daemon?.control == null || runningUpdate(world) === null) return;
    const { control, proc } = daemon;
    sched.after(proc, 1, () => {
      control.controlUpdate('', action, 'bob', '').then(
        () => {
          // What he asked for in the middle of the faults may arrive this late.
          if (closingBuild !== null && action !== 'resume') stopped = true;
          world.trace.line(`operator bob: asked to ${action}`);
        },
        (thrown: unknown) => world.trace.line(`operator bob: ${action}: ${ownError(thrown).code}`),
      );
    });
  };
  world.ask = ask;
  const wishes = random.chance(0.35) ? random.int(1, 3) : 0;
  for (let at = 0; at < wishes; at += 1) {
    const action = random.pick(['pause', 'abort', 'revert'] as const);
    const atMs = random.int(3_500, world.faultsEndMs);
    sched.after(nobody, atMs, () => ask(action));
    if (action === 'pause')
      sched.after(nobody, Math.min(world.faultsEndMs, atMs + random.int(500, 9_000)), () => ask('resume'));
  }
  // At the latest now somebody resumes what is paused.
  sched.after(nobody, world.faultsEndMs + 200, () => {
    if (runningUpdate(world)?.requested === 'pause') ask('resume');
  });
  const atOnce = random.chance(0.15);
  const second = random.int(3_500, world.faultsEndMs);
  if (atOnce || random.chance(0.3)) {
    const other = random.chance(0.5) ? target : newBuild(world, random, pickBehaviour(random));
    sched.after(nobody, atOnce ? firstMs : second, () => start(other, 'eve', () => undefined));
  }

  const rest = (dueMs: number, calm = 0): void => {
    const left = whatIsLeft(world);
    if (left === '' && calm === 0) return void sched.after(nobody, 2_200, () => rest(dueMs, 1)); // a straggler's update may follow
    if (left === '') {
      if (!closing || closingBuild !== null) {
        finish();
        return;
      }
      closingBuild = newBuild(world, random, 'good');
      closingBuild.onlyOn = null;
      closingBuild.corruptOn.clear();
      close(closingBuild, { lasting: 0, passing: 0 });
      return;
    }
    if (runningUpdate(world)?.requested === 'pause') ask('resume');
    if (sched.now() > dueMs) {
      world.violate('liveness', left);
      return;
    }
    sched.after(nobody, 1_000, () => rest(dueMs));
  };
  /** The cluster takes a good build afterwards: nothing that broke before stands in the way. */
  const close = (build: Build, refused: { lasting: number; passing: number }): void => {
    start(build, 'zoe', (error) => {
      if (error === '') return rest(sched.now() + boundMs(world));
      // A build that lags was committed while its node led the group, and nothing can be told then. That takes a hand.
      if (error.includes('lagging') && world.group.members.some((one) => one.stuck)) return done();
      // Either ends by itself: a voter catches up, and so does a node that the leader has just begun to bring up.
      const kind = error.includes('lagging') || error.includes('for a straggler') ? 'passing' : 'lasting';
      // Counted apart: who waited for a voter to catch up may still meet a leader that hands over.
      const counted = { ...refused, [kind]: refused[kind] + 1 };
      if (counted[kind] > (kind === 'passing' ? 90 : 12) + 1) {
        return world.violate('liveness', `a good build is refused: ${error}`);
      }
      sched.after(nobody, 1_000, () => close(build, counted));
    });
  };
  const finish = (): void => {
    if (closingBuild !== null && !stopped) {
      const behind = world.hosts.find((host) => host.daemon?.release !== closingBuild?.hash);
      if (behind !== undefined) world.violate('liveness', `${behind.id} does not run the closing build`);
    }
    done();
  };
  sched.after(nobody, world.faultsEndMs + 1_000, () => rest(world.faultsEndMs + boundMs(world)));
}
