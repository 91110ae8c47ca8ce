/** An AI agent at a cluster: the MCP server of one build, over stdio, asked by the SDK's own client. */
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect } from 'vitest';
import type { ClusterStatus } from '../../../src/cluster/control/status.ts';
import type { UpdateRecord } from '../../../src/cluster/update/record.ts';
import type { UpdatePlan } from '../../../src/cluster/update/update-plan.ts';

export interface Agent {
  status(): Promise<ClusterStatus>;
  record(updateId: string): Promise<UpdateRecord>;
  plan(release: string): Promise<UpdatePlan>;
  /** Runs a plan to its end; must come to `committed`. Returns the update's id. */
  update(release: string): Promise<string>;
  close(): Promise<void>;
}

/** `bundle`: index.js of the build whose server is asked. */
export async function startAgent(bundle: string, config: string): Promise<Agent> {
  const client = new Client({ name: 'versions', version: '1' });
  const env = { PATH: process.env.PATH ?? '', CLAUDECLUSTER_CONFIG: config };
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [bundle, 'mcp'], env }));

  const call = async <T>(name: string, input: Record<string, unknown> = {}): Promise<T> => {
    const options = { onprogress: () => undefined, resetTimeoutOnProgress: true };
    const result = await client.callTool({ name, arguments: input }, options);
    expect(result.isError, JSON.stringify(result.content)).toBeFalsy();
    return result.structuredContent as T;
  };
  const plan = async (release: string): Promise<UpdatePlan> =>
    (await call<{ plan: UpdatePlan }>('initiate_rolling_update', { dryRun: true, release })).plan;

  return {
    status: () => call('cluster_status'),
    record: (updateId) => call('get_update', { updateId }),
    plan,
    update: async (release) => {
      const { planHash } = await plan(release);
      const ended = await call<{ outcome: string; updateId: string }>('initiate_rolling_update', {
        release,
        plan: planHash,
      });
      expect(ended.outcome).toBe('committed');
      return ended.updateId;
    },
    close: () => client.close(),
  };
}
