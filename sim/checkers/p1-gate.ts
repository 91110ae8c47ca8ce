/**
 * P1, before the last look: a node is not taken out of service (drained, reserved) while the leader must have known
 * better for a while: quorum, lag, a node updated before that is ill, or its own turn without a hand-over.
 */
import { keys } from '../../src/base/store-keys.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { Checker, Host, World } from '../world/types.ts';
import { recordOf } from './parse.ts';

/** Longer than a look and a record take, with a call that ran into its time limit, ms. */
const knownMs = 3_500;

export function checkGate(world: World): Checker {
  /** Since when something holds without a break, by name. */
  const since = new Map<string, number>();
  let lastHitMs = -1e9;
  /** When the network last lost or delayed anything. */
  let lastTroubleMs = -1e9;
  const hold = (name: string, holds: boolean): void => {
    if (!holds) since.delete(name);
    else if (!since.has(name)) since.set(name, world.sched.now());
  };
  const held = (name: string): boolean => world.sched.now() - (since.get(name) ?? Number.POSITIVE_INFINITY) >= knownMs;
  /** For long, and now too: what ended since the last tick is no reason any more. */
  const away = (id: string): boolean => {
    const member = world.group.member(id);
    return member?.up !== true || member.frozenUntil > world.sched.now();
  };
  const well = (host: Host): boolean => host.daemon?.healthySinceMs != null;

  const taken = (record: UpdateRecord, nodeId: string): void => {
    const words = `${record.id} takes ${nodeId} out of service`;
    const others = world.voters.filter((id) => id !== nodeId);
    const possible = others.filter((id) => !(held(`away ${id}`) && away(id))).length;
    if (possible < world.group.quorum) world.violate('P1', `${words} with ${possible} other voters left`);
    const behind = others.find(
      (id) => held(`behind ${id}`) && !away(id) && world.group.lag(id) > world.options.maxLagEntries + 5_000,
    );
    if (behind !== undefined) world.violate('P1', `${words} while ${behind} is far behind`);
    const task = record.tasks.findLast((one) => one.nodeId === nodeId);
    const ill = record.tasks.find(
      (one) =>
        one.phase === 'committed' &&
        one.direction === task?.direction &&
        one.nodeId !== nodeId &&
        held(`ill ${one.nodeId}`) &&
        !well(world.host(one.nodeId)),
    );
    if (ill !== undefined) world.violate('P1', `${words} while ${ill.nodeId}, updated before, is ill`);
    const heirs = others.filter((id) => since.has(`able ${id}`) && held(`able ${id}`)).length;
    const calm = world.sched.now() - Math.max(lastHitMs, lastTroubleMs) > 2 * knownMs;
    if (record.leader === nodeId && heirs > 0 && calm) {
      world.violate('P5', `${words}, which leads, and ${heirs} could take over`);
    }
  };

  return {
    faultHit: () => {
      lastHitMs = world.sched.now();
    },
    tick() {
      if (world.net.loss > 0 || world.net.delay > 0) lastTroubleMs = world.sched.now();
      for (const id of world.voters) {
        const host = world.host(id);
        const lag = world.group.lag(id);
        hold(`away ${id}`, away(id));
        // One that nobody reaches counts as away, not as behind.
        hold(`behind ${id}`, world.group.serves(id) && lag > world.options.maxLagEntries + 5_000);
        hold(`able ${id}`, well(host) && lag <= world.options.maxLagEntries && !host.daemon?.draining);
      }
      for (const host of world.hosts) hold(`ill ${host.id}`, !well(host));
    },
    storePut(key, value, before) {
      if (key !== keys.update || before === null) return;
      const record = recordOf(value);
      const old = recordOf(before);
      if (record.reservation !== null && old.reservation === null) taken(record, record.reservation);
    },
  };
}
