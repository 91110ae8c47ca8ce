/** P6: a former leader's writes and commands have no effect. */
import { keys } from '../../src/base/store-keys.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { Checker, VerbRun, World } from '../world/types.ts';
import { recordOf } from './parse.ts';

export function checkFence(world: World): Checker {
  /** Highest epoch of a command that each node took. */
  const taken = new Map<string, number>();
  const atBegin = new WeakMap<VerbRun, number>();
  const take = (hostId: string, epoch: number): void => {
    const present = Number(world.store.get(keys.epoch)?.value ?? 0);
    if (epoch > present)
      world.violate('P6', `${hostId} took epoch ${epoch}, which nobody had: the cluster is at ${present}`);
    if (epoch > (taken.get(hostId) ?? 0)) taken.set(hostId, epoch);
  };
  return {
    drained(host, epoch) {
      const seen = taken.get(host.id) ?? 0;
      if (epoch < seen) world.violate('P6', `${host.id} took a drain of epoch ${epoch} after one of ${seen}`);
      take(host.id, epoch);
    },
    verbBegins: (host, run) => void atBegin.set(run, taken.get(host.id) ?? 0),
    verbEnds(host, run, answer) {
      if (!answer.ok || ['stage', 'rehearse', 'verify'].includes(run.verb)) return;
      const seen = atBegin.get(run) ?? 0;
      if (run.epoch < seen) world.violate('P6', `${host.id} took ${run.verb} of epoch ${run.epoch} after ${seen}`);
      // A way back is judged by what was taken before, works without a quorum, and so leaves nothing to judge by.
      if (run.verb !== 'rollback') take(host.id, run.epoch);
    },
    storePut(key, value, before) {
      if (key !== keys.update || before === null || before === value) return;
      const epoch = Number(world.store.get(keys.epoch)?.value ?? 0);
      const record = recordOf(value);
      if (record.epoch >= epoch) return;
      const old = recordOf(before);
      if (essence(record) !== essence(old)) {
        world.violate('P6', `${record.leader} wrote the record as epoch ${record.epoch}, the cluster is at ${epoch}`);
      }
    },
  };
}

/** Without what an operator may change from any node at any time; the order of its keys says nothing. */
function essence(record: UpdateRecord): string {
  const rest = { ...record, requested: null, lastEvent: 0, canaryPassed: false };
  return JSON.stringify(rest, sorted);
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [two]) => (one < two ? -1 : 1)));
}
