import { spawnSync } from 'node:child_process';
import { bundle, fakeNode } from '../test/cluster/fake-node.ts';
import { nowMs } from '../test/support/wait.ts';
import type { Benchmark } from './harness.ts';

/** What a start of the service waits for before the release itself is started: the guard, the start of Node with it. */
export const guard: Benchmark = {
  name: 'guard',
  title: 'the guard on a node on trial: from exec to its answer',
  runs: 20,
  figures: {
    start: { what: 'guard: from exec to its end, on a node on trial', unit: 'ms', target: { atMost: 100 } },
  },
  async open(place) {
    const guardFile = bundle('../../src/node/guard-main.ts', place.dir);
    const node = fakeNode(guardFile);
    place.defer(() => node.remove());
    node.putOnTrial();
    return async () => {
      const beganMs = nowMs();
      const { status, stderr } = spawnSync(process.execPath, [guardFile, 'check', '--base', node.base]);
      const tookMs = nowMs() - beganMs;
      if (status !== 0) throw new Error(`the guard ended with ${status}: ${stderr.toString()}`);
      return { start: tookMs };
    };
  },
};
