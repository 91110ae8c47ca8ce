/** P5, P6: nothing that was written is written over: no event, no update, no epoch. */
import { keys } from '../../src/base/store-keys.ts';
import { sameText } from '../world/texts.ts';
import type { Checker, World } from '../world/types.ts';
import { recordOf } from './parse.ts';

const events = `${keys.root}/events/`;

export function checkLost(world: World): Checker {
  let lastEpoch = 0;
  let lastLeader = '';
  return {
    storePut(key, value, before) {
      if (key.startsWith(events) && before !== null && !sameText(before, value)) {
        world.violate('P5', `${key.slice(keys.root.length)} is written over`);
      }
      if (key === keys.update && before !== null) {
        const [old, now] = [recordOf(before), recordOf(value)];
        if (old.id !== now.id) world.violate('P5', `${now.id} takes the place of ${old.id}, which still runs`);
        if (now.lastEvent < old.lastEvent)
          world.violate('P5', `${now.id}: events ${old.lastEvent} -> ${now.lastEvent}`);
      }
      if (key !== keys.leader) return;
      const { node, epoch } = JSON.parse(value) as { node: string; epoch: number };
      const same = node === lastLeader && epoch === lastEpoch;
      if (!same && epoch <= lastEpoch) world.violate('P6', `${node} leads with epoch ${epoch} after ${lastEpoch}`);
      lastEpoch = epoch;
      lastLeader = node;
    },
  };
}
