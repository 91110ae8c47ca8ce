/** Which update is meant when none is named. */
import { ClusterError } from '../errors.ts';
import type { Session } from './session.ts';

/**
 * The id of the update that runs; null when none does. Throws ClusterError 'operator-needed' when one runs whose record the
 * node that answers cannot read: no other one may be taken for it.
 */
export async function runningUpdate(session: Session): Promise<string | null> {
  const { update, updateProblem } = await session.control.status();
  if (updateProblem === undefined) return update?.id ?? null;
  const { message, ...detail } = updateProblem;
  throw new ClusterError('operator-needed', message, detail);
}

/** The id of the update that runs, or else of the last one; null when there never was one. */
export async function runningOrLastUpdate(session: Session): Promise<string | null> {
  const running = await runningUpdate(session);
  if (running !== null) return running;
  const [last] = await session.control.listUpdates(1);
  return last?.id ?? null;
}
