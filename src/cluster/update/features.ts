/**
 * What others must understand is used only when all of them do (P11). Every word of a record has here the protocol from
 * which on builds know it, and a word without a number does not compile; the journal writes none that is above the
 * update's own protocol. What is no word (a new form of the record, a flag of a verb) is added as a name of its own, and
 * whoever writes or sends it asks `speaks` first. Pure.
 */
import { ClusterError } from '../../errors.ts';
import type { VersionInfo } from '../../ports/releases.ts';
import type { UpdateEvent } from './event.ts';
import type { FailureKind } from './failure.ts';
import { lowestProtocol } from './needs.ts';
import type { NodeObservation } from './observation.ts';
import type { UpdateRecord } from './record.ts';
import type { Outcome, TaskPhase } from './states.ts';
import type { StepKind } from './step.ts';

type Word =
  | `state ${UpdateRecord['state']}`
  | `phase ${TaskPhase}`
  | `step ${StepKind}`
  | `event ${UpdateEvent['kind']}`
  | `failure ${FailureKind}`
  | `outcome ${Outcome}`
  | `requested ${NonNullable<UpdateRecord['requested']>}`;

/** Name to the first protocol that has it. What protocol 1 has stays there: builds of it are in use. */
export const features = {
  'state running': 1,
  'state stopping': 1,
  'state reverting': 1,
  'state done': 1,
  'state refused': 1,
  'state aborted': 1,
  'state reverted': 1,
  'phase pending': 1,
  'phase staged': 1,
  'phase draining': 1,
  'phase activating': 1,
  'phase trial': 1,
  'phase committed': 1,
  'phase rolling-back': 1,
  'phase rolled-back': 1,
  'phase failed': 1,
  'phase skipped': 1,
  'step stage': 1,
  'step rehearse': 1,
  'step canaryPassed': 1,
  'step moveRaftLeader': 1,
  'step drain': 1,
  'step activate': 1,
  'step trial': 1,
  'step commit': 1,
  'step rollback': 1,
  'step rolledBack': 1,
  'step failed': 1,
  'step handOver': 1,
  'step revert': 1,
  'step finish': 1,
  'step await': 1,
  'event started': 1,
  'event step': 1,
  'event phase': 1,
  'event waiting': 1,
  'event failure': 1,
  'event leader': 1,
  'event ended': 1,
  'failure fetch': 1,
  'failure verify': 1,
  'failure self-test': 1,
  'failure rehearsal': 1,
  'failure activate': 1,
  'failure start': 1,
  'failure health': 1,
  'failure join': 1,
  'failure stability': 1,
  'failure quorum': 1,
  'failure operator': 1,
  // 0.1.0 does not know it and takes it all the same: its reader asks for any text, and what is not in its list blames no build.
  'failure internal': 1,
  'failure unknown': 1,
  'outcome committed': 1,
  'outcome refused': 1,
  'outcome rolled-back': 1,
  'outcome reverted': 1,
  'outcome failed': 1,
  'requested pause': 1,
  'requested abort': 1,
  'requested revert': 1,
} as const satisfies Record<Word, number>;

export type Feature = keyof typeof features;

/** Records of builds that write no protocol into them are of the first one. */
const firstProtocol = 1;

/**
 * The highest protocol that every member and the target speak: those that are away count as the store knows them, those
 * that wait for their approval do not. 0: a member never told.
 */
export function updateProtocol(
  members: Pick<NodeObservation, 'protocol' | 'status'>[],
  target: Pick<VersionInfo, 'protocol'>,
): number {
  const belong = members.filter(({ status }) => status !== 'pending_approval');
  return lowestProtocol([...belong, target]);
}

/** Do all who take part in this update know it? Decided when the update began, and the same until its end. */
export function speaks<F extends string = Feature>(
  record: Pick<UpdateRecord, 'protocol'>,
  feature: NoInfer<F>,
  table: Readonly<Record<F, number>> = features as Readonly<Record<string, number>>,
): boolean {
  return table[feature] <= Math.max(firstProtocol, record.protocol ?? firstProtocol);
}

function* wordsOf(record: UpdateRecord): Generator<string> {
  yield `state ${record.state}`;
  if (record.requested !== null) yield `requested ${record.requested}`;
  if (record.outcome !== null) yield `outcome ${record.outcome}`;
  if (record.intent !== null) yield `step ${record.intent.kind}`;
  if (record.failure !== null) yield `failure ${record.failure.kind}`;
  for (const { phase, failure } of record.tasks) {
    yield `phase ${phase}`;
    if (failure !== null) yield `failure ${failure.kind}`;
  }
}

/**
 * For whoever is about to write it. What this build does not know itself stands there from a newer one, and is passed on.
 * @throws ClusterError 'internal' that names the word: it was to be asked for with `speaks`
 */
export function refuseUnspoken(record: UpdateRecord, table: Readonly<Record<string, number>> = features): void {
  for (const word of wordsOf(record)) {
    if (table[word] === undefined || speaks(record, word, table)) continue;
    throw new ClusterError('internal', `update ${record.id} was to be written with a word that not every node knows`, {
      seen: `${word}, which came with protocol ${table[word]}`,
      wanted: `protocol ${record.protocol ?? firstProtocol}, which all members and the target speak`,
      next: 'nothing: the update goes on without it, or ends',
    });
  }
}
