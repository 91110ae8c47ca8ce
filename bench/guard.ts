import { askGuard } from '../src/trial/guard-process.ts';
import { bundle, fakeNode } from '../test/cluster/fake-node.ts';
import { nowMs } from '../test/support/wait.ts';
import type { Benchmark } from './harness.ts';

/** What every start of the service waits for before the release itself is started: the guard, and Node's own start with it. */
export const guard: Benchmark = {
  name: 'guard',
  title: 'the guard on a node on trial: from exec to its answer',
  runs: 20,
  figures: {
    start: { what: 'guard on a node on trial: from exec to its answer', unit: 'ms', target: { atMost: 100 } },
  },
  async open(place) {
    const guardFile = bundle('../../src/trial/guard-main.ts', place.dir);
    const node = fakeNode(guardFile);
    place.defer(() => node.remove());
    node.putOnTrial();
    return async () => {
      const beganMs = nowMs();
      const answer = await askGuard(guardFile, node.base, 'check', 5_000);
      const tookMs = nowMs() - beganMs;
      if (typeof answer === 'string') throw new Error(`the guard did not answer: ${answer}`);
      return { start: tookMs };
    };
  },
};
