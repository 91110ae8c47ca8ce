/** Operators on hosts: they take voters out of service by hand, two of them at the same moment, and end those trials again. */
import { keys } from '../../src/base/store-keys.ts';
import { ownError } from './own-error.ts';
import { install, linkedBy } from './releases.ts';
import { endProc, nobody } from './scheduler.ts';
import type { Host, VerbRun, World } from './types.ts';

/** What the trials of hands are called. */
export const handPrefix = 'hand-';

/** In some seeds only: what they do stands in the way of updates, as it should. */
export function startHands(world: World): void {
  const random = world.random.fork('hands');
  if (!random.chance(0.25)) return;
  const { sched } = world;
  const build = world.newBuild(random.chance(0.8) ? 'good' : 'crashes', random);
  for (let round = 0; round < random.int(1, 3); round += 1) {
    const atMs = random.int(1_500, world.faultsEndMs);
    const first = random.pick(world.voters);
    const others = world.voters.filter((id) => id !== first);
    for (const id of [first, ...(others.length > 0 ? [random.pick(others)] : [])]) {
      const inMs = atMs + random.int(0, 400);
      const backMs = inMs + random.int(300, 6_000);
      // Most are ended by the hand that began them; the rest by their guard.
      const endsIt = random.chance(0.7);
      // Now and then a hand types an epoch that nobody had, or one of a former leader.
      const typo = random.chance(0.15) ? random.pick([1, 1_000, Number.MAX_SAFE_INTEGER]) : 0;
      const former = random.chance(0.3) ? -1 : 0;
      const updateId = `${handPrefix}${id}-${round}`;
      sched.after(nobody, inMs, () => {
        const host = world.host(id);
        if (host.up && stage(host, build.hash))
          byHand(world, host, ['activate', build.hash], { updateId, aside: typo });
      });
      if (endsIt)
        sched.after(nobody, backMs, () => byHand(world, world.host(id), ['rollback', ''], { updateId, aside: former }));
    }
  }
}

function stage(host: Host, hash: string): boolean {
  try {
    install(host, hash);
    return true;
  } catch {
    return false; // The disk refuses it.
  }
}

interface Named {
  updateId: string;
  /** How far the epoch that is typed is from the present one. */
  aside: number;
}

/** One verb as a process of its own, with nobody who would hear its answer. */
function byHand(world: World, host: Host, [verb = '', hash = '']: string[], named: Named): void {
  if (!host.up) return;
  const proc = world.newProc(host, `${host.id}/hand`);
  const { updateId, aside } = named;
  const present = Number(world.store.get(keys.epoch)?.value ?? 0);
  const epoch = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, present + aside));
  const limits = ['--trial', `${world.options.trialMs}ms`, '--health-timeout', `${world.options.healthTimeoutMs}ms`];
  const argv = ['claudecluster', 'node', verb, hash, '--update', updateId, '--epoch', String(epoch), ...limits];
  const run: VerbRun = { verb, argv: [...argv, '--boots', '3', '--why', 'by hand'], proc, updateId, epoch };
  world.sched.after(proc, world.timing.int(5, 40), () => {
    world.trace.line(`${host.id}: by hand: ${verb} ${updateId}`);
    world.checkers.verbBegins(host, run);
    // The command on a host is that of its installed release.
    const side = world.sideOf(linkedBy(host, 'dist') ?? host.code);
    host.acted.verb = side;
    side.runVerb(world, host, run).then(
      () => {
        if (proc.dead) return;
        world.checkers.verbEnds(host, run, { ok: true, code: '' });
        endProc(proc);
      },
      (thrown: unknown) => {
        if (proc.dead) return;
        const error = ownError(thrown);
        world.trace.line(`${host.id}: by hand: ${verb} refused: ${error.code} ${error.message}`);
        world.checkers.verbEnds(host, run, { ok: false, code: error.code });
        endProc(proc);
      },
    );
  });
}
