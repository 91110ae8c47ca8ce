/** The tools that AI agents see: initiate_rolling_update and its siblings. */
import type { CallToolResult, McpServer } from '@modelcontextprotocol/server';
import type { ControlAction } from '../cluster/control/control-api.ts';
import { type Context, withSession } from '../front/context.ts';
import { recordHead, reportLines } from '../front/render/report.ts';
import { statusLines } from '../front/render/status.ts';
import { line } from '../front/render/text.ts';
import { reportOf } from '../front/report.ts';
import type { Session } from '../front/session.ts';
import { updateToShow, updateToSteer } from '../front/which-update.ts';
import { toolError, toolResult } from './results.ts';
import {
  controlInput,
  getUpdateInput,
  noInput,
  recordOutput,
  statusOutput,
  updateInput,
  updateOutput,
  waitInput,
  waitOutput,
} from './schemas.ts';
import { initiateRollingUpdate } from './update-tool.ts';
import { defaultWaitSeconds, waitUpdate } from './wait-tool.ts';

/** A session for each call: what is wrong with the configuration or the cluster is that call's error, not the server's end. */
function inSession(
  ctx: Context,
  config: string,
  body: (session: Session) => Promise<CallToolResult>,
): Promise<CallToolResult> {
  return withSession(ctx, { config }, body).catch(toolError);
}

/** Registers every tool on the server. `config` names the client's configuration file. */
export function registerTools(server: McpServer, ctx: Context, config: string): void {
  registerUpdate(server, ctx, config);
  registerReaders(server, ctx, config);
  for (const action of Object.keys(controls) as ControlAction[]) registerControl(server, ctx, config, action);
}

function registerUpdate(server: McpServer, ctx: Context, config: string): void {
  server.registerTool(
    'initiate_rolling_update',
    {
      title: 'Rolling update of the cluster',
      description:
        'Walks a release through the cluster, one voter at a time, while the Raft quorum is kept; every node proves ' +
        'itself on the new build or goes back by itself. dryRun: true only checks (quorum, versions, health, disk, ' +
        'timing) and returns the plan; so does a call without `plan`. Give the planHash that was returned as `plan` to ' +
        'run exactly what was shown. That call lasts until the update ended (minutes) and reports progress per step per ' +
        'node. Cancelling it, or giving up on it, stops the watching only; the update goes on by itself: follow it with ' +
        'wait_update (it finds the running one without an id), or look at it with get_update.',
      inputSchema: updateInput,
      outputSchema: updateOutput,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    },
    (input, request) => inSession(ctx, config, (session) => initiateRollingUpdate(ctx, session, input, request)),
  );
}

const reading = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

function registerReaders(server: McpServer, ctx: Context, config: string): void {
  server.registerTool(
    'cluster_status',
    {
      title: 'Status of the cluster',
      description:
        'Quorum, leader, Raft leader, every node with its release, health and trial, and the update that runs.',
      inputSchema: noInput,
      outputSchema: statusOutput,
      annotations: reading,
    },
    () =>
      inSession(ctx, config, async (session) => {
        const status = await session.control.status();
        return toolResult(statusLines(status), status);
      }),
  );
  registerWait(server, ctx, config);
  server.registerTool(
    'get_update',
    {
      title: 'One update',
      description:
        'The record of an update: where each node stands, what is waited for, what failed and why, the outcome.',
      inputSchema: getUpdateInput,
      outputSchema: recordOutput,
      annotations: reading,
    },
    ({ updateId }) =>
      inSession(ctx, config, async (session) => {
        const record = await session.control.getUpdate(updateId ?? (await runningOrLast(session)));
        const tookMs = record.endedAt ? Date.parse(record.endedAt) - Date.parse(record.startedAt) : 0;
        const waiting = record.waiting ? [line(`waits for ${record.waiting.what}: ${record.waiting.seen}`)] : [];
        const rows = [...recordHead(record), ...waiting, [], ...reportLines(reportOf(record, 0, tookMs))];
        return toolResult(rows, record);
      }),
  );
}

function registerWait(server: McpServer, ctx: Context, config: string): void {
  server.registerTool(
    'wait_update',
    {
      title: 'Wait for an update',
      description:
        `Waits until an update has ended, for at most atMostSeconds (default ${defaultWaitSeconds}), and returns its state, what it ` +
        'waits for, for how much longer at most, and whether it ended. Call it again until it has.',
      inputSchema: waitInput,
      outputSchema: waitOutput,
      annotations: reading,
    },
    ({ updateId, atMostSeconds = defaultWaitSeconds }, request) =>
      inSession(ctx, config, async (session) =>
        waitUpdate(ctx, session, updateId ?? (await runningOrLast(session)), atMostSeconds, request),
      ),
  );
}

const controls: Record<ControlAction, { title: string; description: string; destructive: boolean }> = {
  pause: {
    title: 'Pause an update',
    description: 'Stops the update between two nodes. A node on trial is finished first: none is left in between.',
    destructive: false,
  },
  resume: { title: 'Resume an update', description: 'Goes on with an update that was paused.', destructive: false },
  abort: {
    title: 'Abort an update',
    description: 'Ends the update now: a node on trial goes back, nodes that were updated stay on the new release.',
    destructive: true,
  },
  revert: {
    title: 'Revert an update',
    description:
      'Walks the updated nodes back to the release that each of them had, in reverse order, under the same gates.',
    destructive: true,
  },
};

function registerControl(server: McpServer, ctx: Context, config: string, action: ControlAction): void {
  const { title, description, destructive } = controls[action];
  server.registerTool(
    `${action}_update`,
    {
      title,
      description: `${description} Returns at once; follow it with wait_update or get_update.`,
      inputSchema: controlInput,
      outputSchema: recordOutput,
      annotations: { readOnlyHint: false, destructiveHint: destructive, idempotentHint: true, openWorldHint: false },
    },
    ({ updateId, why }) =>
      inSession(ctx, config, async (session) => {
        const id = updateId ?? (await running(session, action));
        const record = await session.control.controlUpdate(id, action, `mcp:${ctx.user}`, why ?? '');
        return toolResult([line(`${action} taken for ${record.id} (${record.state}).`), ...recordHead(record)], record);
      }),
  );
}

const running = (session: Session, action: ControlAction): Promise<string> =>
  updateToSteer(session, action, 'cluster_status shows the cluster, get_update the last update');

const runningOrLast = (session: Session): Promise<string> =>
  updateToShow(session, 'there is no update', 'initiate_rolling_update {"dryRun": true} shows what one would do');
