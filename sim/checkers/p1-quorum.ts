/** P1: one voter at a time, and never when the others are no quorum; stopped only for the update that holds it. */
import { keys } from '../../src/base/store-keys.ts';
import { parseByHand } from '../../src/cluster/by-hand.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import { handPrefix } from '../world/hands.ts';
import type { Checker, World } from '../world/types.ts';
import { recordOf } from './parse.ts';

/** A fault this shortly before the stop could not have been seen any more, ms. */
const tooLateMs = 300;

export function checkQuorum(world: World): Checker {
  const down = new Map<string, number>();
  let lastHitMs = -1e9;
  let lastRecord: { record: UpdateRecord; atMs: number } | null = null;

  /** The most voters that any one of the others could lead, itself among them. */
  const othersServe = (hostId: string): number => {
    const { members } = world.group;
    const up = members.filter((one) => one.id !== hostId && one.up && one.frozenUntil <= world.sched.now());
    return Math.max(0, ...up.map((one) => up.filter((other) => world.net.both(one.id, other.id)).length));
  };

  const heldByHand = (): string | null => {
    const kv = world.store.get(keys.byHand);
    return kv === null ? null : parseByHand(kv.value).nodeId;
  };

  return {
    faultHit: () => {
      lastHitMs = world.sched.now();
    },
    storePut(key, value, before) {
      if (key === keys.update) lastRecord = { record: recordOf(value), atMs: world.sched.now() };
      if (key.startsWith(keys.updates) && before === null) lastRecord = null;
    },
    restartAsked(host, run) {
      if (host.role !== 'voter' || (run.verb !== 'activate' && run.verb !== 'rollback')) return;
      const others = [...down.keys()].filter((id) => id !== host.id);
      down.set(host.id, world.sched.now());
      if (run.verb === 'rollback') return;
      const words = `${host.id} stops for ${run.updateId}`;
      if (others.length > 0) return world.violate('P1', `${words} while ${others.join(', ')} is down by our doing`);
      // An operator may have removed it, which puts nothing.
      if (world.lostUpdates.some((one) => one.record.id === lastRecord?.record.id)) lastRecord = null;
      const now = world.sched.now();
      const hand = heldByHand();
      if (run.updateId.startsWith(handPrefix)) {
        if (hand !== host.id) return world.violate('P1', `${words}, the place by hand is ${hand}'s`);
        if (lastRecord !== null) return world.violate('P1', `${words} while ${lastRecord.record.id} runs`);
      } else if (lastRecord?.record.id !== run.updateId || lastRecord.record.reservation !== host.id) {
        const holds =
          lastRecord === null ? 'no update' : `${lastRecord.record.id} for ${lastRecord.record.reservation}`;
        return world.violate('P1', `${words}, the reservation is held by ${holds}`);
      }
      if (now - lastHitMs < tooLateMs || run.proc.slowMs > 0) return;
      const serving = othersServe(host.id);
      if (serving < world.group.quorum) {
        world.violate('P1', `${words} with ${serving} other voters, quorum ${world.group.quorum}`);
      }
    },
    // One that nobody told to stop: a fault, whenever it was planned.
    daemonEnded(daemon) {
      if (!daemon.stopping) lastHitMs = world.sched.now();
    },
    daemonHealthy: (daemon) => void down.delete(daemon.host.id),
  };
}
