/** Follows an update on the three kinds of output: live on a terminal, plain lines elsewhere, JSON lines for machines. */
import type { UpdateRecord } from '../cluster/update/record.ts';
import { type Context, jsonLine, wantsColor } from './context.ts';
import { type ExitCode, exit, exitOfRecord } from './exit-codes.ts';
import { createLiveScreen } from './live.ts';
import { reportLines } from './render/report.ts';
import { line, paintAll } from './render/text.ts';
import { reportOf } from './report.ts';
import type { Session } from './session.ts';
import { type Followed, followUpdate, type Observer } from './update-flow.ts';
import { eventLine, seeEvent, seeLooking, seeStatus, startView, type View, viewLines } from './view.ts';

export interface FollowRequest {
  /** '' = the running or last one. */
  updateId: string;
  after: number;
  record: UpdateRecord | null;
  /** Bytes that were pushed to the leader before. */
  pushedBytes: number;
  startedMs: number;
  json: boolean;
}

/** Redraws per second are few: a terminal over a slow line must keep up. */
const redrawMs = 200;
const statusEveryMs = 1000;

/** Shows the update until it ended or the one who watches stops; returns the exit code. */
export async function follow(ctx: Context, session: Session, request: FollowRequest): Promise<ExitCode> {
  const interrupted = ctx.interrupts();
  const show = request.json ? showJson : ctx.stdout.isTty ? showLive : showPlain;
  const followed = seenToItsEnd(request) ?? (await show(ctx, session, request, interrupted));
  // Nobody lost it: it waits for a person, who is told what to do.
  if (followed.kind === 'lost' && followed.why.code === 'operator-needed') throw followed.why;
  if (followed.kind !== 'ended') return lostSight(ctx, request, followed);
  const elapsedMs = ctx.clock.nowMs() - request.startedMs;
  const report = reportOf(followed.record, request.pushedBytes, elapsedMs);
  if (request.json) await jsonLine(ctx, report);
  else await ctx.stdout.write(`\n${paintAll(reportLines(report), wantsColor(ctx))}`);
  return exitOfRecord(followed.record);
}

/** Its last event was heard before: no other one comes, and whoever waited for one would wait for ever. */
function seenToItsEnd({ record, after }: FollowRequest): Followed | null {
  return record !== null && record.outcome !== null && after >= record.lastEvent ? { kind: 'ended', record } : null;
}

async function lostSight(
  ctx: Context,
  request: FollowRequest,
  followed: Exclude<Followed, { kind: 'ended' }>,
): Promise<ExitCode> {
  const next = `claudecluster updates watch ${request.updateId} --from ${followed.lastEvent}`.replace('  ', ' ');
  const why = followed.kind === 'lost' ? followed.why.message : 'you stopped watching';
  if (request.json) {
    await jsonLine(ctx, { outcome: null, updateId: request.updateId, lastEvent: followed.lastEvent, why, next });
  }
  await ctx.stderr.write(
    paintAll(
      [
        line(`${why}: the update goes on without this view.`),
        line(`  watch it:  ${next}`),
        line(`  stop it:   claudecluster updates abort   (or pause, revert)`),
      ],
      false,
    ),
  );
  return exit.lostSight;
}

type Show = (ctx: Context, session: Session, request: FollowRequest, signal: AbortSignal) => Promise<Followed>;

const showJson: Show = (ctx, session, { updateId, after }, signal) =>
  followUpdate(ctx, session, updateId, after, signal, {
    event: (event) => jsonLine(ctx, { event }),
    looking: () => undefined,
  });

const showPlain: Show = (ctx, session, { updateId, after, startedMs }, signal) => {
  let looked = false;
  return followUpdate(ctx, session, updateId, after, signal, {
    event: (event) => {
      looked = false;
      return ctx.stdout.write(paintAll([eventLine(event, ctx.clock.nowMs() - startedMs)], false));
    },
    looking: (why) => {
      if (!looked) void ctx.stderr.write(paintAll([line(`looking for the leader: ${why}`)], false));
      looked = true;
    },
  });
};

const showLive: Show = async (ctx, session, request, signal) => {
  const screen = createLiveScreen(ctx.stdout, wantsColor(ctx));
  const ended = new AbortController();
  let view: View = { ...startView(request.updateId, request.record, ctx.clock.nowMs()), startedMs: request.startedMs };
  const draw = (): Promise<void> => screen.draw(viewLines(view, ctx.clock.nowMs(), ctx.stdout.rows() - 1));
  const observer: Observer = {
    event: async (event) => {
      view = seeEvent(view, event, ctx.clock.nowMs());
    },
    looking: (why) => {
      view = seeLooking(view, why, ctx.clock.nowMs());
    },
  };
  const repaint = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await draw();
      await ctx.clock.sleep(redrawMs, ended.signal);
    }
  };
  const refresh = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      // The events say what happens; the status only fills in quorum and leader, so a missed one is no matter.
      const status = await session.control.status().catch(() => null);
      if (status && !ended.signal.aborted) view = seeStatus(view, status, ctx.clock.nowMs());
      await ctx.clock.sleep(statusEveryMs, ended.signal);
    }
  };
  const painting = repaint();
  const refreshing = refresh();
  const followed = await followUpdate(ctx, session, request.updateId, request.after, signal, observer);
  ended.abort();
  await painting;
  // The last status call may hang in a lost connection; its deadline ends it, and nobody waits for it.
  void refreshing;
  await draw();
  await screen.end();
  return followed;
};
