/** The MCP tools by the SDK's own client, over stdio, against a real cluster. */
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { UpdatePlan } from '../../src/cluster/update/update-plan.ts';
import { type Build, makeBuild } from '../support/builds.ts';
import { dist } from '../support/cli.ts';
import { type DevCluster, startDevCluster } from '../support/dev-cluster.ts';
import { removeDir, tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';

const work = tempDir('mcp');
let cluster: DevCluster;
let second: Build;
let third: Build;
let client: Client;
let transport: StdioClientTransport;
let stderr = '';

beforeAll(async () => {
  second = await makeBuild({ to: join(work, 'second'), note: 'second, for agents' });
  third = await makeBuild({ to: join(work, 'third'), note: 'third, for agents' });
  cluster = await startDevCluster({ nodes: 3, heartbeatMs: 1000 });
  transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(dist, 'index.js'), 'mcp'],
    env: { PATH: process.env.PATH ?? '', CLAUDECLUSTER_CONFIG: cluster.config },
    stderr: 'pipe',
  });
  transport.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
}, 180_000);

afterAll(async () => {
  await client?.close();
  await cluster?.stop();
  removeDir(work);
}, 60_000);

const call = (name: string, input: Record<string, unknown> = {}) => client.callTool({ name, arguments: input });
const structured = <T>(result: { structuredContent?: unknown }): T => result.structuredContent as T;
const textOf = (result: { content?: unknown }): string =>
  (result.content as { text: string }[]).map(({ text }) => text).join('\n');

interface Waited {
  ended: boolean;
  waitsFor: string | null;
  atMostSecondsMore: number | null;
}

/** The hash of the present plan for a build, pushed if it must be. */
async function planOf(build: Build): Promise<string> {
  const dry = await call('initiate_rolling_update', { dryRun: true, release: build.dir });
  return structured<{ plan: UpdatePlan }>(dry).plan.planHash;
}

describe('an agent at a cluster', () => {
  it('finds the tools, and sees the cluster', async () => {
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('initiate_rolling_update');
    const result = await call('cluster_status');
    expect(structured(result)).toMatchObject({ cluster: { voters: 3, healthyVoters: 3, quorum: 2 }, update: null });
    expect(textOf(result)).toContain('3 of 3 voters healthy');
  });

  it('a dry run returns the plan and changes nothing', async () => {
    const result = await call('initiate_rolling_update', { dryRun: true, release: second.dir });
    expect(result.isError).toBeFalsy();
    const { plan } = structured<{ plan: UpdatePlan }>(result);
    expect(plan.target.buildHash).toBe(second.version.buildHash);
    expect(plan.refusals).toEqual([]);
    expect((await call('get_update')).isError).toBe(true);
  });

  it('runs the plan to its end, with progress per step per node', { timeout: 240_000 }, async () => {
    const dry = await call('initiate_rolling_update', { dryRun: true, release: second.version.buildHash });
    const { plan } = structured<{ plan: UpdatePlan }>(dry);
    const messages: string[] = [];
    const numbers: number[] = [];
    const result = await client.callTool(
      { name: 'initiate_rolling_update', arguments: { release: second.version.buildHash, plan: plan.planHash } },
      {
        onprogress: ({ progress, message }) => {
          numbers.push(progress);
          messages.push(message ?? '');
        },
        resetTimeoutOnProgress: true,
      },
    );
    expect(result.isError).toBeFalsy();
    expect(structured(result)).toMatchObject({ outcome: 'committed', running: false, updateId: expect.any(String) });
    for (const nodeId of ['n1', 'n2', 'n3']) {
      expect(messages.filter((message) => message.includes(nodeId)).length).toBeGreaterThan(2);
    }
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
    expect((await cluster.status()).release).toBe(second.version.buildHash);
  });

  it('a refusal tells what to do, and touches nothing', async () => {
    const again = await call('initiate_rolling_update', { release: second.version.buildHash });
    expect(again.isError).toBe(true);
    expect(structured(again)).toMatchObject({
      outcome: 'refused',
      plan: { refusals: [{ code: 'already-at-target' }] },
    });
    const nothing = await call('initiate_rolling_update', { release: '/no/such/directory' });
    expect(nothing.isError).toBe(true);
    expect(textOf(nothing)).toContain('next:');
    expect((await call('pause_update')).isError).toBe(true);
  });

  it('without a plan starts nothing, and says which call runs what it shows', async () => {
    const result = await call('initiate_rolling_update', { release: third.dir });
    expect(result.isError).toBeFalsy();
    expect(structured(result)).toMatchObject({ dryRun: true, running: false, updateId: null, outcome: null });
    const { plan, next } = structured<{ plan: UpdatePlan; next: string }>(result);
    expect(next).toBe(`initiate_rolling_update {"release":"${third.version.buildHash}","plan":"${plan.planHash}"}`);
    expect((await cluster.status()).update).toBeNull();
    expect(structured<UpdateRecord>(await call('get_update'))).toMatchObject({
      target: { buildHash: second.version.buildHash },
    });
  });

  it('a cancelled call stops watching and leaves the update to go on', { timeout: 240_000 }, async () => {
    const cancel = new AbortController();
    const cancelled = client.callTool(
      { name: 'initiate_rolling_update', arguments: { release: third.dir, plan: await planOf(third) } },
      { signal: cancel.signal, onprogress: ({ message }) => message?.includes('began') && cancel.abort() },
    );
    await expect(cancelled).rejects.toThrow();
    await waitFor('the server to say so', () => stderr.includes('goes on by itself'), { timeoutMs: 10_000 });
    const running = structured<UpdateRecord>(await call('get_update'));
    expect(running).toMatchObject({ outcome: null, target: { buildHash: third.version.buildHash } });

    // A second one meanwhile is refused, by name.
    const other = await call('initiate_rolling_update', { release: third.version.buildHash });
    expect(other.isError).toBe(true);
    expect(textOf(other)).toContain(running.id);

    const ended = await waitFor(
      'the update to end',
      async () => {
        const record = structured<UpdateRecord>(await call('get_update', { updateId: running.id }));
        return record?.outcome && record;
      },
      { timeoutMs: 180_000, everyMs: 1000 },
    );
    expect(ended.outcome).toBe('committed');
  });

  it('a client that gives up on a long call follows the update with short ones', { timeout: 240_000 }, async () => {
    const plan = await planOf(second);
    let first = '';
    const long = client.callTool(
      { name: 'initiate_rolling_update', arguments: { release: second.version.buildHash, plan } },
      {
        timeout: 8000,
        onprogress: ({ message }) => {
          first ||= message ?? '';
        },
      },
    );
    await expect(long).rejects.toThrow(/timed out/i);
    const [, input = ''] = /wait_update (\{[^}]*\})/.exec(first) ?? [];
    const { updateId } = JSON.parse(input) as { updateId: string };
    const waits: Waited[] = [];
    do {
      const result = await client.callTool(
        { name: 'wait_update', arguments: { updateId, atMostSeconds: 4 } },
        { timeout: 8000 },
      );
      expect(result.isError).toBeFalsy();
      waits.push(structured<Waited>(result));
    } while (waits.at(-1)?.ended === false && waits.length < 60);
    expect(waits[0]).toMatchObject({ updateId, ended: false, state: 'running', outcome: null });
    expect(waits.some(({ waitsFor, atMostSecondsMore }) => waitsFor !== null && atMostSecondsMore !== null)).toBe(true);
    expect(waits.at(-1)).toMatchObject({ updateId, ended: true, state: 'done', outcome: 'committed' });
    expect((await cluster.status()).release).toBe(second.version.buildHash);
  });

  it('the server ends by itself when its client goes away', async () => {
    const other = new StdioClientTransport({
      command: process.execPath,
      args: [join(dist, 'index.js'), 'mcp'],
      env: { PATH: process.env.PATH ?? '', CLAUDECLUSTER_CONFIG: '/nonexistent' },
    });
    const guest = new Client({ name: 'guest', version: '1' });
    await guest.connect(other);
    // A configuration that cannot be used is an error of the call: the server is there to say so.
    const result = await guest.callTool({ name: 'cluster_status', arguments: {} });
    expect(result.isError).toBe(true);
    const { pid } = other;
    await guest.close();
    await waitFor('the server to be gone', () => !alive(pid), { timeoutMs: 5000 });
  });
});

function alive(pid: number | null): boolean {
  try {
    return pid !== null && process.kill(pid, 0);
  } catch {
    return false;
  }
}
