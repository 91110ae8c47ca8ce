/** wait_update: one bounded wait for an update's end. A client that gives up on long calls makes it again and again. */

import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { withSignals } from '../base/signals.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import type { Context } from '../front/context.ts';
import { recordHead, reportLines } from '../front/render/report.ts';
import { type Line, line } from '../front/render/text.ts';
import { reportOf } from '../front/report.ts';
import type { Session } from '../front/session.ts';
import { startView, type View, waitingLeftMs, waitingText } from '../front/view.ts';
import { followWithProgress } from './follow.ts';
import { createProgress } from './progress.ts';
import { toolResult } from './results.ts';

/** Clients give up on a call after 60 s by default; the wait and the last look stay below that. */
export const defaultWaitSeconds = 45;
export const mostWaitSeconds = 55;
/** For the last look at the record when the time is over, in ms: without an answer what was heard before is good enough. */
const lastLookMs = 3000;

/** @param updateId of an update that there is; @param atMostSeconds from now on */
export async function waitUpdate(
  ctx: Context,
  session: Session,
  updateId: string,
  atMostSeconds: number,
  request: ServerContext,
): Promise<CallToolResult> {
  const over = new AbortController();
  const timeOver = ctx.clock.sleep(atMostSeconds * 1000, over.signal).then(() => over.abort());
  const progress = createProgress(ctx.clock, request);
  try {
    const record = await session.control.getUpdate(updateId);
    if (record.outcome !== null) return endedResult(record);
    const { followed, view } = await withSignals([request.mcpReq.signal, over.signal], (signal) =>
      followWithProgress(ctx, session, record, record.lastEvent, signal, progress),
    );
    if (followed.kind === 'ended') return endedResult(followed.record);
    const why = followed.kind === 'lost' ? followed.why.message : null;
    return goesOnResult((await lastLook(ctx, session, record.id)) ?? record, view, ctx.clock.nowMs(), why);
  } finally {
    over.abort();
    await timeOver;
    progress.end();
  }
}

/** The record as it is now; null when nobody says so in time. */
async function lastLook(ctx: Context, session: Session, updateId: string): Promise<UpdateRecord | null> {
  const answered = new AbortController();
  const late = ctx.clock.sleep(lastLookMs, answered.signal).then(() => null);
  const record = session.control.getUpdate(updateId).catch(() => null);
  return Promise.race([record, late]).finally(() => answered.abort());
}

function endedResult(record: UpdateRecord): CallToolResult {
  const tookMs = record.endedAt ? Date.parse(record.endedAt) - Date.parse(record.startedAt) : 0;
  return toolResult(reportLines(reportOf(record, 0, tookMs)), outputOf(record, null, 0));
}

/** @param lost why no node answers; null: the time was over */
function goesOnResult(record: UpdateRecord, view: View, nowMs: number, lost: string | null): CallToolResult {
  if (record.outcome !== null) return endedResult(record);
  const seen: Pick<View, 'waiting'> = view.waiting ? view : startView(record.id, record, nowMs);
  const output = outputOf(record, seen, nowMs);
  const rows: Line[] = [
    ...(lost === null ? [] : [line(`${lost}: the update goes on by itself.`)]),
    ...recordHead(record),
    ...(seen.waiting ? [line(waitingText(seen, nowMs))] : []),
    line(`not ended yet: ${output.next}`),
  ];
  return toolResult(rows, output, lost !== null);
}

/** What fits `waitOutput`; the SDK checks that it does. */
function outputOf(record: UpdateRecord, view: Pick<View, 'waiting'> | null, nowMs: number) {
  const { id, state, outcome, tasks, failure, operatorMust } = record;
  const ended = outcome !== null;
  const leftMs = view === null ? null : waitingLeftMs(view, nowMs);
  return {
    updateId: id,
    state,
    ended,
    outcome,
    waitsFor: view?.waiting?.what.what ?? null,
    seen: view?.waiting?.what.seen ?? null,
    atMostSecondsMore: leftMs === null ? null : Math.ceil(leftMs / 1000),
    nodes: tasks.map(({ nodeId, phase }) => ({ nodeId, phase })),
    failure,
    operatorMust,
    next: ended ? 'nothing: it has ended' : `call wait_update {"updateId":"${id}"} again`,
  };
}
