/** initiate_rolling_update: plan, start and follow an update, with progress per step per node. */
import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { StartRequest } from '../cluster/control/control-api.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import type { UpdatePlan } from '../cluster/update/update-plan.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Context } from '../front/context.ts';
import { exitOfRecord } from '../front/exit-codes.ts';
import { planLines } from '../front/render/plan.ts';
import { reportLines } from '../front/render/report.ts';
import { line } from '../front/render/text.ts';
import { refusedReport, reportOf, type UpdateReport } from '../front/report.ts';
import type { Session } from '../front/session.ts';
import { bringRelease, type Followed } from '../front/update-flow.ts';
import { followWithProgress } from './follow.ts';
import { createProgress } from './progress.ts';
import { toolResult } from './results.ts';
import type { updateInput } from './schemas.ts';

type Input = z.infer<typeof updateInput>;

export async function initiateRollingUpdate(
  ctx: Context,
  session: Session,
  input: Input,
  request: ServerContext,
): Promise<CallToolResult> {
  const startedMs = ctx.clock.nowMs();
  const progress = createProgress(ctx.clock, request);
  try {
    const target = await bringRelease(ctx, session, input.release, (text) => progress.say(text));
    const start: StartRequest = { by: `mcp:${ctx.user}` };
    if (target.buildHash) start.buildHash = target.buildHash;
    if (input.plan) start.planHash = input.plan;
    const plan = await session.control.plan(start);
    const elapsedMs = (): number => ctx.clock.nowMs() - startedMs;
    if (input.dryRun) return dryRunResult(plan, target.bytesTransferred, elapsedMs());
    if (plan.refusals.length > 0) return refusedResult(plan, target.bytesTransferred, elapsedMs());
    if (!input.plan) return planFirstResult(plan, input, target.bytesTransferred, elapsedMs());
    if (request.mcpReq.signal.aborted) throw new ClusterError('usage', 'the call was cancelled: nothing was begun');
    const record = await startOrRefuse(session, start);
    await progress.say(howToFollow(record.id));
    const { followed } = await followWithProgress(ctx, session, record, 0, request.mcpReq.signal, progress);
    if (followed.kind !== 'ended') return goesOnResult(ctx, request, plan, record, followed, elapsedMs());
    const report = reportOf(followed.record, target.bytesTransferred, elapsedMs());
    const isError = exitOfRecord(followed.record) !== 0;
    return toolResult(reportLines(report), outputOf(report, plan, false), isError);
  } finally {
    progress.end();
  }
}

async function startOrRefuse(session: Session, start: StartRequest): Promise<UpdateRecord> {
  try {
    return await session.control.start(start);
  } catch (thrown) {
    const error = asClusterError(thrown);
    if (error.code !== 'update-running' || error.detail.next) throw error;
    const next = 'call cluster_status to see the update that runs; wait for it, or pause_update / abort_update';
    throw new ClusterError(error.code, error.message, { ...error.detail, next }, error);
  }
}

/** The first thing that is heard of a running update: a client that lets go of the call must not lose it. */
function howToFollow(updateId: string): string {
  return (
    `update ${updateId} began. It goes on when this call is cut off: ` +
    `follow it with wait_update {"updateId":"${updateId}"} or get_update`
  );
}

function dryRunResult(plan: UpdatePlan, bytes: number, elapsedMs: number): CallToolResult {
  const report = { ...refusedReport(plan, bytes, elapsedMs), outcome: null };
  return toolResult(planLines(plan), outputOf(report, plan, true));
}

/** Nothing begins that nobody has seen (docs/adr/0017): the plan is the answer, and its hash the agreement. */
function planFirstResult(plan: UpdatePlan, { release }: Input, bytes: number, elapsedMs: number): CallToolResult {
  // By its hash, so that the second call has nothing to push.
  const again = { ...(release ? { release: plan.target.buildHash } : {}), plan: plan.planHash };
  const next = `initiate_rolling_update ${JSON.stringify(again)}`;
  const report = { ...refusedReport(plan, bytes, elapsedMs), outcome: null };
  const said = line(`Nothing was started: an update runs by the plan that was seen. To run this one: ${next}`);
  return toolResult([...planLines(plan), [], said], { ...outputOf(report, plan, true), next });
}

function refusedResult(plan: UpdatePlan, bytes: number, elapsedMs: number): CallToolResult {
  return toolResult(planLines(plan), outputOf(refusedReport(plan, bytes, elapsedMs), plan, false), true);
}

/** The watching ended before the update did: cancelled by the caller, or no node answered. The update is not touched. */
async function goesOnResult(
  ctx: Context,
  request: ServerContext,
  plan: UpdatePlan,
  record: UpdateRecord,
  followed: Exclude<Followed, { kind: 'ended' }>,
  elapsedMs: number,
): Promise<CallToolResult> {
  const why = followed.kind === 'stopped' ? 'the call was cancelled' : followed.why.message;
  const said =
    `${why}: this call watches no longer, update ${record.id} goes on by itself. ` +
    `Follow it with wait_update {"updateId":"${record.id}"} or get_update; stop it with pause_update, abort_update or revert_update.`;
  // The protocol sends no result for a cancelled call: the log and the log message are what is left to say it with.
  await ctx.stderr.write(`${said}\n`);
  await request.mcpReq.log('notice', said).catch(() => undefined);
  const report: UpdateReport = { ...reportOf(record, 0, elapsedMs), outcome: null };
  return toolResult([line(said)], { ...outputOf(report, plan, false), running: true }, followed.kind === 'lost');
}

/** What fits `updateOutput`; the SDK checks that it does. */
function outputOf(report: UpdateReport, plan: UpdatePlan, dryRun: boolean): object {
  const { outcome, updateId, nodes, raftLeaderChanges, bytesTransferred, elapsedMs, failure, operatorMust } = report;
  const rest = { nodes, raftLeaderChanges, bytesTransferred, elapsedMs, failure, operatorMust };
  return { dryRun, plan, outcome, updateId, running: false, ...rest };
}
