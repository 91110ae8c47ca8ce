/** Steps and failures in words, for events and logs. */
import type { Failure } from './failure.ts';
import type { Step } from './step.ts';

export function nodeOf(step: Step): string | null {
  if ('nodeId' in step) return step.nodeId;
  if (step.kind === 'await') return step.waiting.nodeId;
  return null;
}

/** One line: node, kind, what was seen, what was wanted (P8). */
export function describeFailure(failure: Failure): string {
  return `${failure.nodeId}: ${failure.kind} failed: ${failure.seen}; wanted: ${failure.wanted}`;
}

/** A step in words. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'stage':
      return `stage ${step.release.slice(0, 12)} on ${step.nodes.map((node) => node.nodeId).join(', ')} from ${step.from}`;
    case 'rehearse':
      return `rehearse the way back on ${step.nodes.map((node) => node.nodeId).join(', ')}`;
    case 'canaryPassed':
      return 'the canary has stood its time: going on';
    case 'moveRaftLeader':
      return `move the Raft leader from ${step.from} to ${step.to}`;
    case 'drain':
      return `drain ${step.nodeId}`;
    case 'activate':
      return `activate ${step.release.slice(0, 12)} on ${step.nodeId}`;
    case 'trial':
      return `${step.nodeId} is on trial`;
    case 'commit':
      return step.done === true ? `${step.nodeId} went there by itself` : `commit ${step.nodeId}`;
    case 'rollback':
      return `roll back ${step.nodeId}: ${step.failure.seen}`;
    case 'rolledBack':
      return `${step.nodeId} went back: ${step.failure.seen}`;
    case 'failed':
      return `${step.nodeId} failed: ${step.failure.seen}`;
    case 'handOver':
      return `hand the leadership over to ${step.to}`;
    case 'revert':
      return 'revert the nodes already updated';
    case 'finish':
      return `finish: ${step.outcome}`;
    case 'await':
      return step.waiting.what;
  }
}
