/**
 * A record is read by every build and acted on only by one that knows its words (P11). To show it, list it, or see whom
 * it holds takes no phase and no state; to take the next step takes all of them, and what this build does not know it
 * names, and leaves to a leader that does.
 */
import { ClusterError } from '../errors.ts';
import type { UpdateRecord } from './update/record.ts';
import { taskTransitions, updateTransitions } from './update/states.ts';

/** What the planner decides by, where it is, and the words that this build knows for it. */
function* wordsOf(record: UpdateRecord): Generator<{ what: string; said: string; known: string[] }> {
  yield { what: 'state', said: record.state, known: Object.keys(updateTransitions) };
  yield { what: 'requested', said: record.requested ?? 'nothing', known: ['nothing', 'pause', 'abort', 'revert'] };
  yield { what: 'options.onFailure', said: record.options.onFailure ?? 'abort', known: ['abort', 'revert'] };
  for (const { nodeId, phase, direction, role } of record.tasks) {
    yield { what: `phase of ${nodeId}`, said: phase, known: Object.keys(taskTransitions) };
    yield { what: `direction of ${nodeId}`, said: direction, known: ['forward', 'back'] };
    yield { what: `role of ${nodeId}`, said: role, known: ['voter', 'worker'] };
  }
}

/** For whoever is to act on it. @throws ClusterError 'operator-needed' that names the word: it takes a newer build */
export function refuseNewerRecord(record: UpdateRecord, nodeId: string): void {
  for (const { what, said, known } of wordsOf(record)) {
    if (known.includes(said)) continue;
    throw new ClusterError('operator-needed', `update ${record.id} was written by a newer build than ${nodeId} runs`, {
      nodeId,
      seen: `${what}: ${JSON.stringify(said)}`,
      wanted: known.join(', '),
      next: `have a node lead that runs the newer build: restart the daemon of ${nodeId}, and see \`claudecluster status\``,
    });
  }
}
