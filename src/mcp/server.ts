/** The MCP server: tools over stdio. stdout belongs to the protocol, everything else goes to stderr. */
import type { Readable, Writable } from 'node:stream';
import { McpServer } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Context } from '../front/context.ts';
import { ownVersion } from '../front/own-version.ts';
import { registerTools } from './tools.ts';

const instructions =
  'Updates a cluster in service. Start with cluster_status, then initiate_rolling_update with dryRun: true, read the ' +
  'refusals and notes, then call it with the planHash as `plan`. An update belongs to the cluster: it goes on when you ' +
  'stop watching; wait_update follows it in short calls.';

/** One server with all tools; `version` is that of the running build. */
export function createMcpServer(ctx: Context, config: string, version: string): McpServer {
  const server = new McpServer(
    { name: 'claudecluster', title: 'claudecluster', version },
    { capabilities: { tools: {}, logging: {} }, instructions },
  );
  registerTools(server, ctx, config);
  return server;
}

/** Serves until the client closes its end, or `stop` aborts. A running update is not touched by that. */
export async function serveMcp(
  ctx: Context,
  config: string,
  stop: AbortSignal,
  io: { stdin: Readable; stdout: Writable } = process,
): Promise<void> {
  const version = (await ownVersion(ctx.bundle))?.version ?? 'source';
  const gone = new Promise<void>((done) => {
    for (const name of ['end', 'close'] as const) io.stdin.once(name, () => done());
    stop.addEventListener('abort', () => done(), { once: true });
    if (stop.aborted) done();
  });
  const handle = serveStdio(() => createMcpServer(ctx, config, version), {
    transport: new StdioServerTransport(io.stdin, io.stdout),
    onerror: (error) => void ctx.stderr.write(`claudecluster mcp: ${error.message}\n`),
  });
  await gone;
  await handle.close().catch(() => undefined);
}
