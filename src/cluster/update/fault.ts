/** An update that ends because we are at fault: a step that is no legal move, a line that throws. Pure. */

import { type Change, finish } from './change.ts';
import { describeFailure, nodeOf } from './describe.ts';
import type { Failure } from './failure.ts';
import type { NodeTask, UpdateRecord } from './record.ts';
import { atFault } from './record-failure.ts';
import { inFlightPhases } from './states.ts';

/** A node in flight, and how it gets out of that without a leader. */
function inWords({ nodeId, phase }: NodeTask): string {
  if (phase === 'draining') return `${nodeId} drains: it is put back into service`;
  return `${nodeId} is in the middle (${phase}): its own guard takes it back`; // P3
}

/**
 * The record as it ends. Nothing is done to the nodes: what we would do next is what we do not know. Those in flight go
 * back by their own guards, and the build is not blamed for the fault (P8): only for what a node was about to go back for (P10).
 * @param seen what was thrown, in words
 * @param evidence where it was thrown
 */
export function endInFault(record: UpdateRecord, seen: string, evidence: string[]): Change {
  const nodeId = (record.intent === null ? null : nodeOf(record.intent)) ?? record.waiting?.nodeId ?? record.leader;
  const phase = record.tasks.findLast((one) => one.nodeId === nodeId)?.phase ?? 'pending';
  const inFlight = record.tasks.filter((task) => inFlightPhases.includes(task.phase)).map(inWords);
  const look = ['see with `claudecluster status` that every node is well', ...inFlight].join('; ');
  const report = `report the fault with \`claudecluster updates show ${record.id} --json\` and the log of ${record.leader}`;
  const next = `${look}. Then ${report}, and start the update again while another node leads`;
  const wanted = 'a legal step of the update: this is a fault of claudecluster, not of the target';
  const failure: Failure = { nodeId, kind: 'internal', phase, seen, wanted, next, evidence };
  const ended = finish({ ...record, failure: record.failure ?? failure, intent: null }, 'failed', next);
  const event = { kind: 'failure' as const, nodeId, text: describeFailure(failure), failure };
  return { ...ended, events: [event, ...ended.events], quarantine: blamedAlready(record) };
}

/** A rollback that had begun: what it says of the build would have been believed with its end. */
function blamedAlready(record: UpdateRecord): Failure | null {
  for (const { nodeId, phase, failure } of record.tasks) {
    if (failure === null || !inFlightPhases.includes(phase)) continue;
    const blamed = atFault(record, nodeId, failure);
    if (blamed !== null) return blamed;
  }
  return null;
}
