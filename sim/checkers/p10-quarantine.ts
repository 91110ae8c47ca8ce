/**
 * P10: a build that was rolled back does not come again, and no build is blamed for one disk; and P8: a failure says what an
 * operator needs.
 */
import { keys } from '../../src/base/store-keys.ts';
import { startsNever } from '../world/releases.ts';
import type { Checker, World } from '../world/types.ts';
import { recordOf } from './parse.ts';

const buildsFault = ['self-test', 'start', 'health', 'join', 'stability'];

export function checkQuarantine(world: World): Checker {
  /** Ended in this moment: the quarantine is in the same transaction, and is looked for at the next tick. */
  const atEnd: { id: string; hash: string }[] = [];
  return {
    storePut(key, value, before) {
      if (key === keys.update && before === null) {
        const { id, target } = recordOf(value);
        if (world.store.get(keys.quarantined(target.buildHash)) !== null) {
          world.violate('P10', `${id} begins with a quarantined build`);
        }
      }
      if (key.startsWith(keys.quarantined(''))) {
        const { buildHash, why } = JSON.parse(value) as { buildHash: string; why: string };
        const fallen = world.hosts.find(({ id }) => why.startsWith(`${id} went back on probation`));
        if (fallen !== undefined && startsNever(fallen, buildHash)) {
          world.violate('P10', `${fallen.id} went back from what rotted there, and its build is blamed for it`);
        }
      }
      if (!key.startsWith(keys.updates)) return;
      const record = recordOf(value);
      for (const task of record.tasks) {
        const { failure } = task;
        if (failure === null) continue;
        for (const field of ['nodeId', 'kind', 'seen', 'wanted', 'next'] as const) {
          if (!failure[field]) world.violate('P8', `${record.id}: the failure of ${task.nodeId} has no ${field}`);
        }
        // By the record's own words the build is to blame: then nobody may be able to start it again.
        const blamed = task.direction === 'forward' && buildsFault.includes(failure.kind);
        if (blamed) atEnd.push({ id: record.id, hash: record.target.buildHash });
      }
    },
    tick() {
      for (const { id, hash } of atEnd.splice(0)) {
        if (world.store.get(keys.quarantined(hash)) === null) {
          world.violate('P10', `${id} blames its build, and the build is not quarantined`);
        }
      }
    },
  };
}
