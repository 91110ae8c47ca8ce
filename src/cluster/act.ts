/** One step of an update: its intent is recorded, it is done, and what came of it is recorded (P5). */
import type { Logger } from '../ports/logger.ts';
import { type ExecuteDeps, execute } from './execute.ts';
import type { Journal } from './journal/journal.ts';
import { describeStep, nodeOf } from './update/describe.ts';
import type { Observation } from './update/observation.ts';
import { isEnded, type UpdateRecord } from './update/record.ts';
import { recordIntent, recordOutcome } from './update/record-step.ts';
import type { Step } from './update/step.ts';
import { noteStep } from './update/waits.ts';

/** Before a question that nobody answered, or a step that was a fault of ours, is looked at again, ms. */
export const backOffMs = 300;

export interface ActDeps extends ExecuteDeps {
  journal: Journal;
  logger: Logger;
  /** When each await began, and each step was first and last done (update/waits.ts). */
  since: Map<string, number>;
  /** Until then, or until somebody wakes the loop. */
  sleep(ms: number): Promise<void>;
}

/** The record after the step, under the epoch of the observation that it was planned from. */
export async function act(
  deps: ActDeps,
  before: UpdateRecord,
  step: Step,
  observation: Observation,
): Promise<UpdateRecord> {
  const { journal, logger, clock, since } = deps;
  const { id } = before;
  const { epoch } = observation;
  const nodeId = nodeOf(step);
  const intended = await journal.change(id, epoch, (now) => recordIntent(now, step, observation));
  logger.info({ updateId: id, epoch, nodeId, step: step.kind }, describeStep(step));
  const outcome = await execute(step, intended, deps);
  const durations = partDurations(since, step, nodeId, clock.nowMs());
  noteStep(since, step, outcome, clock.nowMs());
  if (step.kind === 'handOver' && outcome.kind === 'ok') return intended; // The next leader writes from here on.
  const after = await journal.change(id, epoch, (now) => recordOutcome(now, step, outcome, durations));
  if (outcome.kind === 'retry') {
    const about = { updateId: id, epoch, nodeId, step: step.kind, seen: outcome.seen };
    logger.warn(about, 'no answer to a step: looking again');
    await deps.sleep(backOffMs);
  }
  if (isEnded(after)) since.clear();
  return after;
}

/** How long the part took that ends with this step. */
function partDurations(
  since: ReadonlyMap<string, number>,
  step: Step,
  nodeId: string | null,
  nowMs: number,
): Record<string, number> {
  const parts: Partial<Record<Step['kind'], string>> = { trial: 'health', commit: 'stable', rolledBack: 'rollback' };
  const part = parts[step.kind];
  if (part === undefined) return {};
  const begun = since.get(`${part}:${nodeId}`);
  const name = part === 'stable' ? 'stability' : part;
  return begun === undefined ? {} : { [name]: nowMs - begun };
}
