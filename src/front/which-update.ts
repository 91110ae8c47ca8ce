/** Which update is meant when none is named. */
import type { Session } from './session.ts';

/** The id of the update that runs; null when none does. */
export async function runningUpdate(session: Session): Promise<string | null> {
  return (await session.control.status()).update?.id ?? null;
}

/** The id of the update that runs, or else of the last one; null when there never was one. */
export async function runningOrLastUpdate(session: Session): Promise<string | null> {
  const running = await runningUpdate(session);
  if (running !== null) return running;
  const [last] = await session.control.listUpdates(1);
  return last?.id ?? null;
}
