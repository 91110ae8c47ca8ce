/** Breaks no promise: counts, in a mixed world, the updates that leaders of more than one version led. */
import { keys } from '../../src/base/store-keys.ts';
import type { Checker, World } from '../world/types.ts';
import { recordOf } from './parse.ts';

export function countHandedOn(world: World): Checker {
  if (!globalThis.simMixed) return {};
  /** Of the update that runs. */
  let led = { id: '', by: new Set<string>() };
  return {
    storePut(key, value) {
      if (key !== keys.update) return;
      const { id, leader } = recordOf(value);
      const side = world.host(leader).daemon?.side.name;
      if (led.id !== id) led = { id, by: new Set() };
      if (side === undefined || led.by.has(side)) return;
      led.by.add(side);
      if (led.by.size !== 2) return;
      const { outcomes } = world.stats;
      outcomes['led by both'] = (outcomes['led by both'] ?? 0) + 1;
    },
  };
}
