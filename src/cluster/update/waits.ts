/**
 * Since when a leader waits for what: the bookkeeping behind `Observation.waits`. It belongs to one leader, for the next
 * one begins anew. Plain functions on a map of monotonic ms, so that scenarios and simulation keep it the same way.
 */
import { nodeOf } from './describe.ts';
import type { StepOutcome } from './record-step.ts';
import type { Step, StepKind } from './step.ts';

/** Steps that end a node's part: what was waited for before says nothing about its next part (a revert). */
const endsPart: readonly StepKind[] = ['commit', 'rolledBack', 'failed'];
const movesLeader: readonly StepKind[] = ['moveRaftLeader', 'handOver'];

/** An await was planned: it began now, unless it began before. */
export function noteAwait(since: Map<string, number>, key: string, nowMs: number): void {
  if (!since.has(key)) since.set(key, nowMs);
}

/** A step was done: `first:<kind>:<node>` and `last:<kind>:<node>`. */
export function noteStep(since: Map<string, number>, step: Step, outcome: StepOutcome, nowMs: number): void {
  const mark = `${step.kind}:${'to' in step ? step.to : (nodeOf(step) ?? '')}`;
  noteAwait(since, `first:${mark}`, nowMs);
  since.set(`last:${mark}`, nowMs);
  // A leader that moved may have to move again later: those are other attempts, with the whole time of their own.
  if (!movesLeader.includes(step.kind)) {
    drop(since, (key) => movesLeader.some((kind) => key.includes(`:${kind}:`)));
  }
  const nodeId = nodeOf(step);
  if (nodeId !== null && endsPart.includes(step.kind) && outcome.kind === 'ok') {
    drop(since, (key) => key.endsWith(`:${nodeId}`));
  }
}

/** What `Observation.waits` holds at `nowMs`: at least 1 for whatever has begun. */
export function waitsAt(since: ReadonlyMap<string, number>, nowMs: number): Record<string, number> {
  return Object.fromEntries([...since].map(([key, atMs]) => [key, Math.max(1, nowMs - atMs)]));
}

function drop(since: Map<string, number>, which: (key: string) => boolean): void {
  for (const key of [...since.keys()]) if (which(key)) since.delete(key);
}
