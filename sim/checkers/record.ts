/** Liveness and truth: when all is quiet, what the record says of each node is what the node runs. */
import { keys } from '../../src/cluster/keys.ts';
import type { UpdateRecord } from '../../src/cluster/update/types.ts';
import { damaged } from '../world/releases.ts';
import type { Checker, World } from '../world/types.ts';

export function checkRecord(world: World): Checker {
  const ended: UpdateRecord[] = [];
  return {
    storePut(key, value) {
      if (!key.startsWith(keys.updates)) return;
      const record = JSON.parse(value) as UpdateRecord;
      ended.push(record);
      world.stats.outcomes[record.outcome ?? '?'] = (world.stats.outcomes[record.outcome ?? '?'] ?? 0) + 1;
      world.trace.line(`record ${record.id}: ${record.outcome} (${record.state})`);
    },
    atEnd() {
      /** What the records together say that each node runs. */
      const said = new Map<string, string>();
      for (const record of ended) {
        for (const task of record.tasks) {
          if (task.phase === 'committed' || task.phase === 'skipped') said.set(task.nodeId, task.to);
        }
      }
      for (const host of world.hosts) {
        const runs = host.daemon?.release ?? '';
        const first = [...world.builds.keys()][0] ?? '';
        const wanted = said.get(host.id) ?? first;
        if (runs !== wanted) {
          world.violate('record', `${host.id} runs ${runs.slice(0, 6)}, the records say ${wanted.slice(0, 6)}`);
        }
        const wrong = damaged(host, runs);
        if (wrong !== null) world.violate('P7', `${host.id} runs ${runs.slice(0, 6)}, which is damaged: ${wrong}`);
      }
    },
  };
}
