/** The steps that more than one rule of the planner makes. */
import { waited } from './facts.ts';
import type { Failure, FailureKind } from './failure.ts';
import type { Observation } from './observation.ts';
import type { NodeTask } from './record.ts';
import type { Step } from './step.ts';

/** Every wait says what for, what is seen, and how long it may last (0: until somebody acts). */
export function waitFor(
  observation: Observation,
  key: string,
  nodeId: string | null,
  what: string,
  seen: string,
  atMostMs: number,
): Step {
  return { kind: 'await', key, waiting: { nodeId, what, seen, waitedMs: waited(observation, key), atMostMs } };
}

export function failureOf(
  task: NodeTask,
  kind: FailureKind,
  seen: string,
  wanted: string,
  next: string,
  evidence: string[],
): Failure {
  return { nodeId: task.nodeId, kind, phase: task.phase, seen, wanted, next, evidence };
}

export function nextAfter(kind: FailureKind, nodeId: string): string {
  if (kind === 'operator') return 'start a new update when you are ready';
  const ours = kind === 'activate' || kind === 'unknown' || kind === 'quorum';
  return ours
    ? `see the log of ${nodeId}, mend what it names, then start the update again`
    : 'mend the build and update again with the new one';
}

export function rollBack(task: NodeTask, kind: FailureKind, seen: string, wanted: string, evidence: string[]): Step {
  const failure = failureOf(task, kind, seen, wanted, nextAfter(kind, task.nodeId), evidence);
  return { kind: 'rollback', nodeId: task.nodeId, address: task.address, failure };
}

export function failStep(
  task: NodeTask,
  kind: FailureKind,
  seen: string,
  wanted: string,
  next: string,
  evidence: string[],
): Step {
  return { kind: 'failed', nodeId: task.nodeId, failure: failureOf(task, kind, seen, wanted, next, evidence) };
}
