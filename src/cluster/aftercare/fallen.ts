/** A node that went back on probation from the release that the cluster committed. */
import type { RollbackView } from '../../ports/agent.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Journal } from '../journal/journal.ts';
import type { Failure } from '../update/failure.ts';

export interface JudgeDeps {
  journal: Pick<Journal, 'judgeFall'>;
  clock: Pick<Clock, 'wallIso'>;
}

/** It had the release, and could not stay up on it while on probation: the build is at fault, for the whole cluster (P10). */
export function judge({ journal, clock }: JudgeDeps, nodeId: string, last: RollbackView, epoch: number): Promise<void> {
  const { updateId, release, at, why } = last;
  const evidence: Failure = {
    nodeId,
    kind: 'stability',
    phase: 'committed',
    seen: `${why} (${last.signal ?? `exit code ${last.exitCode}`})`,
    wanted: `${nodeId} to stay up`,
    next: 'mend the build and update again with the new one',
    evidence: last.logTail,
  };
  const words = `${nodeId} went back on probation after ${updateId}: ${why}`;
  const entry = { buildHash: release, why: words, at: clock.wallIso(), by: updateId, evidence };
  return journal.judgeFall({ nodeId, updateId, release, at }, entry, epoch);
}
