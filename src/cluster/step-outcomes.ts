/** What a call to a node came to, in the words of the record. */
import { asClusterError, type ClusterError, type ErrorCode, isPassing } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Failure, FailureKind } from './update/failure.ts';
import type { NodeTask } from './update/record.ts';
import type { StepOutcome } from './update/record-step.ts';

/** Which class of failure a verb's error is: it decides whether the build is to blame. */
const kindOfCode: Partial<Record<ErrorCode, FailureKind>> = {
  'verify-failed': 'verify',
  'release-invalid': 'verify',
  'self-test-failed': 'self-test',
  'transfer-failed': 'fetch',
  unavailable: 'fetch',
  disk: 'fetch',
  'quorum-unsafe': 'quorum',
};

/** @param otherwise the class of an error that says nothing of its own */
export function failureFrom(
  nodeId: string,
  phase: NodeTask['phase'],
  error: ClusterError,
  otherwise: FailureKind,
): Failure {
  const { seen, wanted, next } = error.detail;
  return {
    nodeId,
    kind: kindOfCode[error.code] ?? otherwise,
    phase,
    seen: seen === undefined ? error.message : `${error.message}: ${seen}`,
    wanted: wanted ?? 'the step to succeed',
    next: next ?? `see the log of ${nodeId}, mend what it names, then start the update again`,
    evidence: [`${error.code}: ${error.message}`],
  };
}

/** Only what can be told apart at once; the policy is the callers'. */
export type Attempt =
  | { kind: 'ok'; ms: number }
  | { kind: 'retry'; ms: number; seen: string }
  | { kind: 'refused'; ms: number; error: ClusterError };

/** A peer that does not answer is looked at again; a clear no is an outcome; a newer epoch ends our part (P6). */
export async function attempt(deps: { clock: Clock }, act: () => Promise<void>): Promise<Attempt> {
  const startMs = deps.clock.nowMs();
  try {
    await act();
    return { kind: 'ok', ms: deps.clock.nowMs() - startMs };
  } catch (thrown) {
    const error = asClusterError(thrown);
    const ms = deps.clock.nowMs() - startMs;
    if (error.code === 'stale-epoch') throw error;
    if (isPassing(error.code)) {
      const { seen } = error.detail;
      return { kind: 'retry', ms, seen: seen === undefined ? error.message : `${error.message}: ${seen}` };
    }
    return { kind: 'refused', ms, error };
  }
}

/** For steps whose truth is on the node: whatever the verb said, look at the node again. */
export function asRetry(outcome: Attempt): StepOutcome {
  return outcome.kind === 'refused' ? { kind: 'retry', ms: outcome.ms, seen: outcome.error.message } : outcome;
}

/** For what is done beside a step and decides nothing. */
export async function quietly(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch {
    // The node restarts or is gone: it does not stay drained either way.
  }
}
