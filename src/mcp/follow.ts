/** Following an update for one call: its events as progress, and the picture that they make. */
import type { UpdateRecord } from '../cluster/update/record.ts';
import type { Context } from '../front/context.ts';
import type { Session } from '../front/session.ts';
import { type Followed, followUpdate } from '../front/update-flow.ts';
import { eventText, seeEvent, startView, type View, waitingText } from '../front/view.ts';
import type { Progress } from './progress.ts';

export interface Watched {
  followed: Followed;
  /** What was known when the watching ended. */
  view: View;
}

/**
 * Events of `record`'s update after number `after`, to its end or until `signal` aborts. Never throws for the cluster's sake.
 */
export async function followWithProgress(
  ctx: Context,
  session: Session,
  record: UpdateRecord,
  after: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<Watched> {
  let view: View = startView(record.id, record, ctx.clock.nowMs());
  progress.whenQuiet(() => waitingText(view, ctx.clock.nowMs()) || `update ${record.id} goes on`);
  const followed = await followUpdate(ctx, session, record.id, after, signal, {
    event: async (event) => {
      view = seeEvent(view, event, ctx.clock.nowMs());
      await progress.say(eventText(event));
    },
    looking: (why) => void progress.say(`looking for the leader: ${why}`),
  });
  return { followed, view };
}
