/** Which update is meant when none is named. */
import type { ControlAction } from '../cluster/control/control-api.ts';
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

/** The id of the update that `action` is about. Throws ClusterError 'not-found'; `next` is in the words of the face that asks. */
export async function updateToSteer(session: Session, action: ControlAction, next: string): Promise<string> {
  // A revert of the last update is a wish that makes sense after its end, too.
  const id = action === 'revert' ? await runningOrLastUpdate(session) : await runningUpdate(session);
  if (id !== null) return id;
  throw new ClusterError('not-found', `there is nothing to ${action}`, { seen: 'no update runs', next });
}

/** `runningOrLastUpdate`, or ClusterError 'not-found' in these words. */
export async function updateToShow(session: Session, message: string, next: string): Promise<string> {
  const id = await runningOrLastUpdate(session);
  if (id !== null) return id;
  throw new ClusterError('not-found', message, { seen: 'none runs, and none was ever recorded', next });
}
