/** Waiting until one node is stable (P4), by the rules that an update goes by. */
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Observation } from './update/observation.ts';
import { defaultOptions } from './update/options.ts';
import { judgeNode } from './update/stability.ts';

/** Between two looks at a node that is not stable yet, ms. */
const pollMs = 500;

export interface Eyes {
  observe(): Promise<Observation>;
  sleep(ms: number): Promise<void>;
}

/** As it runs now. Throws ClusterError 'not-found', or 'refused' with what was missing when `timeoutMs` were over. */
export async function untilStable(eyes: Eyes, clock: Clock, nodeId: string, timeoutMs: number): Promise<void> {
  const startMs = clock.nowMs();
  let incarnation = '';
  for (;;) {
    const observation = await eyes.observe();
    const seen = observation.nodes.find((one) => one.nodeId === nodeId);
    if (seen === undefined) throw new ClusterError('not-found', `${nodeId} is no member`, { nodeId });
    incarnation ||= seen.health?.incarnation ?? '';
    const runs = seen.health?.release.buildHash ?? '';
    const verdict = judgeNode(observation, seen, incarnation, runs, defaultOptions);
    if (verdict.stable) return;
    if (clock.nowMs() - startMs >= timeoutMs) {
      throw new ClusterError('refused', `${nodeId} is not stable after ${timeoutMs} ms`, {
        nodeId,
        seen: verdict.seen,
        wanted: 'a stable node',
        next: `see the log of ${nodeId}`,
      });
    }
    await eyes.sleep(pollMs);
  }
}
