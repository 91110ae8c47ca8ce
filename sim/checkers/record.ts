/** Liveness and truth: when all is quiet, what the record says of each node is what the node runs. */
import { keys } from '../../src/base/store-keys.ts';
import type { NodeTask, UpdateRecord } from '../../src/cluster/update/record.ts';
import { inFlightPhases } from '../../src/cluster/update/states.ts';
import { damaged } from '../world/releases.ts';
import type { Checker, Host, World } from '../world/types.ts';
import { recordOf } from './parse.ts';

/** A node that is well again for so short a time before an update's end is news to its leader, ms: two looks, and their time. */
const unseenMs = 2_000;

export function checkRecord(world: World): Checker {
  const ended: { record: UpdateRecord; atMs: number }[] = [];
  /** An ended record holds nothing open, and its outcome is what its tasks say. */
  const consistent = (record: UpdateRecord): void => {
    const words = `${record.id} ended as ${record.outcome}`;
    const { tasks } = record;
    // A fault of ours leaves them to their guards.
    const ours = record.outcome === 'failed' && world.ownFault !== '';
    const open = tasks.find((task) => inFlightPhases.includes(task.phase));
    if (open !== undefined && !ours) world.violate('record', `${words} with ${open.nodeId} ${open.phase}`);
    if (record.reservation !== null) world.violate('record', `${words} and holds ${record.reservation}`);
    const good = tasks.every((task) => task.phase === 'committed' || task.phase === 'skipped');
    if (record.outcome === 'committed' && !good) world.violate('record', `${words} and not every node is committed`);
    if (record.outcome !== 'committed' && record.outcome !== 'reverted' && record.failure === null) {
      world.violate('record', `${words} without a reason`);
    }
    // It ends by itself, as a failure like any other: here it is one of the code.
    if (record.failure?.kind === 'internal' && !ours) world.violate('record', `${words}: ${record.failure.seen}`);
    for (const host of world.hosts) nodeAgrees(record, host, words);
  };
  const nodeAgrees = (record: UpdateRecord, host: Host, words: string): void => {
    const task = record.tasks.findLast((one) => one.nodeId === host.id);
    const dist = host.disk.root.entries.get('dist');
    if (task === undefined || dist?.kind !== 'link') return;
    const there = dist.target === `releases/${task.to}`;
    const trial = host.disk.find('/trial.json') !== null;
    const { fall } = host;
    // What the leader has not seen, or not on a walk back, which goes on: that is for the aftercare, which looks at all who
    // are not where they were.
    const wellMs = host.daemon?.healthySinceMs ?? world.sched.now();
    const unseen = world.sched.now() - wellMs < unseenMs;
    const fell = fall !== null && fall.release === task.to && (unseen || record.revertBegun);
    if (task.phase === 'committed' && !there && !fell)
      world.violate('record', `${words}: ${host.id} is committed and elsewhere`);
    if (task.phase === 'committed' && trial) world.violate('record', `${words}: ${host.id} is committed and on trial`);
    // On a disk that takes no switch its guard runs what it goes back to, and switches at the next start that can.
    const runsOther = host.daemon !== null && host.daemon.release !== task.to;
    const cannotSwitch = runsOther && (host.disk.readOnly || host.disk.full);
    if (task.phase === 'rolled-back' && there && !cannotSwitch) {
      world.violate('record', `${words}: ${host.id} went back and did not`);
    }
  };
  /** A commit whose record could not be written any more. */
  const wentOn = (record: UpdateRecord, task: NodeTask): boolean =>
    world.lostUpdates.some((one) => one.record === record) &&
    inFlightPhases.includes(task.phase) &&
    world.host(task.nodeId).daemon?.release === task.to;
  return {
    storePut(key, value) {
      if (!key.startsWith(keys.updates)) return;
      const record = recordOf(value);
      ended.push({ record, atMs: world.sched.now() });
      consistent(record);
      world.stats.outcomes[record.outcome ?? '?'] = (world.stats.outcomes[record.outcome ?? '?'] ?? 0) + 1;
      world.trace.line(`record ${record.id}: ${record.outcome} (${record.state})`);
    },
    atEnd() {
      /** What the records together say that each node runs. */
      const said = new Map<string, string>();
      // One that could not be read any more has not ended, and says what was true when an operator removed it.
      const all = [...ended, ...world.lostUpdates].sort((one, two) => one.atMs - two.atMs);
      for (const { record } of all) {
        for (const task of record.tasks) {
          const done = task.phase === 'committed' || task.phase === 'skipped';
          if (done || wentOn(record, task)) said.set(task.nodeId, task.to);
        }
      }
      for (const host of world.hosts) {
        const runs = host.daemon?.release ?? '';
        const wanted = said.get(host.id) ?? host.furnished.at(-1) ?? '';
        // What took the place of a damaged release stays where nobody brings stragglers up.
        if (runs !== wanted && runs !== host.fellTo) {
          world.violate('record', `${host.id} runs ${runs.slice(0, 6)}, the records say ${wanted.slice(0, 6)}`);
        }
        const wrong = damaged(host, runs);
        if (wrong !== null) world.violate('P7', `${host.id} runs ${runs.slice(0, 6)}, which is damaged: ${wrong}`);
      }
    },
  };
}
