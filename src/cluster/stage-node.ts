/** Staging one node: fetch, verification and self-test in one verb; a passing fault of the network is not the end. */
import { asClusterError } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import { runVerb } from './run-verb.ts';
import { failureFrom } from './step-outcomes.ts';
import type { UpdateRecord } from './update/record.ts';
import type { StageResult } from './update/record-step.ts';
import type { Step } from './update/step.ts';

/** Staging that failed for the network's sake is tried so often. */
const fetchAttempts = 2;
/** Between two of them, ms. */
const fetchPauseMs = 1_000;

/** Never throws: what went wrong is in the result. */
export async function stageNode(
  node: { nodeId: string; address: string },
  step: Extract<Step, { kind: 'stage' }>,
  record: UpdateRecord,
  deps: { clientPool: ClientPool; clock: Clock },
): Promise<StageResult> {
  const startMs = deps.clock.nowMs();
  const timeoutMs = record.options.stageTimeoutMs;
  // The verb has a limit of its own, which is ten minutes where it is told none: every build knows the flag.
  const limit = ['--timeout', `${timeoutMs}ms`];
  const argv = ['claudecluster', 'node', 'stage', step.release, '--from', step.from, ...limit, '--json'];
  for (let tried = 1; ; tried += 1) {
    try {
      const answer = await runVerb(deps, node.address, argv, timeoutMs);
      const bytesTransferred = Number(answer.bytesTransferred ?? 0);
      return { nodeId: node.nodeId, ms: deps.clock.nowMs() - startMs, bytesTransferred, failure: null };
    } catch (thrown) {
      const error = asClusterError(thrown);
      const failure = failureFrom(node.nodeId, 'pending', error, 'fetch');
      const ms = deps.clock.nowMs() - startMs;
      // A node that does not answer may be restarting: it has as long as any gate.
      const patient = error.code === 'unavailable' && ms < record.options.gateTimeoutMs;
      if (failure.kind !== 'fetch' || (tried >= fetchAttempts && !patient)) {
        return { nodeId: node.nodeId, ms, bytesTransferred: 0, failure };
      }
      await deps.clock.sleep(fetchPauseMs);
    }
  }
}
