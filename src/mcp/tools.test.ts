import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport } from '@modelcontextprotocol/server';
import { afterEach, describe, expect, it } from 'vitest';
import type { StartRequest } from '../cluster/control/control-api.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import { ClusterError } from '../errors.ts';
import type { Session } from '../front/session.ts';
import {
  fakeEvent,
  fakePlan,
  fakeRecord,
  fakeStatus,
  newVersion,
  planHash,
  story,
} from '../front/testing/documents.ts';
import { fakeSession, fakeWorld, unavailable } from '../front/testing/world.ts';
import { createMcpServer } from './server.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function connected(session: Session | (() => Promise<Session>) = fakeSession()) {
  const world = fakeWorld(session);
  const server = createMcpServer(world.ctx, '/etc/claudecluster.yaml', '0.1.0');
  const client = new Client({ name: 'test', version: '1' });
  const [one, other] = InMemoryTransport.createLinkedPair();
  await server.connect(one);
  await client.connect(other);
  open.push(client, server);
  return { client, world };
}

const textOf = (result: { content?: unknown }): string =>
  (result.content as { type: string; text: string }[]).map(({ text }) => text).join('\n');

describe('the tools', () => {
  it('are listed with schemas of what they take and give, and with what they may do', async () => {
    const { client } = await connected();
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'initiate_rolling_update',
      'cluster_status',
      'wait_update',
      'get_update',
      'pause_update',
      'resume_update',
      'abort_update',
      'revert_update',
    ]);
    for (const tool of tools) {
      expect(tool.description?.length).toBeGreaterThan(40);
      expect(tool.inputSchema.type).toBe('object');
      expect(tool.outputSchema?.type).toBe('object');
      expect(tool.annotations).toMatchObject({ openWorldHint: false });
    }
    const update = tools[0];
    expect(update?.annotations).toMatchObject({ destructiveHint: true, readOnlyHint: false });
    expect(Object.keys(update?.inputSchema.properties ?? {})).toEqual(['dryRun', 'release', 'plan']);
    expect(tools[1]?.annotations).toMatchObject({ readOnlyHint: true, destructiveHint: false });
  });
});

describe('initiate_rolling_update', () => {
  it('dryRun returns the plan, in text and structured, and starts nothing', async () => {
    const start = async () => Promise.reject(new Error('started'));
    const { client } = await connected(fakeSession({ start }));
    const result = await client.callTool({ name: 'initiate_rolling_update', arguments: { dryRun: true } });
    expect(result.isError).toBeFalsy();
    expect(textOf(result)).toContain(`Plan ${planHash} can go.`);
    expect(result.structuredContent).toMatchObject({ dryRun: true, outcome: null, running: false, plan: { planHash } });
  });

  it('without a plan returns the plan, says what runs it, and starts nothing', async () => {
    const start = async () => Promise.reject(new Error('started'));
    const { client } = await connected(fakeSession({ start }));
    const call = (input: Record<string, unknown>) =>
      client.callTool({ name: 'initiate_rolling_update', arguments: input });
    const own = await call({});
    expect(own.isError).toBeFalsy();
    expect(textOf(own)).toContain(`Plan ${planHash} can go.`);
    expect(textOf(own)).toContain(
      `Nothing was started: an update runs by the plan that was seen. To run this one: ` +
        `initiate_rolling_update {"plan":"${planHash}"}`,
    );
    expect(own.structuredContent).toMatchObject({
      dryRun: true,
      outcome: null,
      updateId: null,
      running: false,
      plan: { planHash },
      next: `initiate_rolling_update {"plan":"${planHash}"}`,
    });
    // What was pushed for the plan is named by its hash: the second call pushes nothing.
    const pushed = await call({ release: '/tmp' });
    expect(pushed.structuredContent).toMatchObject({
      next: `initiate_rolling_update {"release":"${newVersion.buildHash}","plan":"${planHash}"}`,
    });
  });

  it('runs to its end with progress per step per node, and returns the outcome', async () => {
    const asked: StartRequest[] = [];
    const start = async (request: StartRequest) => {
      asked.push(request);
      return fakeRecord({ state: 'running', outcome: null });
    };
    const { client } = await connected(fakeSession({ start }));
    const progress: { progress: number; message?: string | undefined }[] = [];
    const result = await client.callTool(
      { name: 'initiate_rolling_update', arguments: { release: '/tmp', plan: planHash } },
      { onprogress: (update) => progress.push(update) },
    );
    expect(result.isError).toBeFalsy();
    expect(asked).toEqual([{ by: 'mcp:op@host', buildHash: newVersion.buildHash, planHash }]);
    expect(result.structuredContent).toMatchObject({
      dryRun: false,
      outcome: 'committed',
      updateId: 'u-1',
      running: false,
      bytesTransferred: 8000,
      nodes: [{ nodeId: 'n2', durationsMs: { stage: 350 } }, { nodeId: 'n3' }, { nodeId: 'n1' }],
    });
    expect(textOf(result)).toContain('committed: every node runs the new release');
    expect(progress.map(({ message }) => message)).toEqual([
      'pushing 1f3c1f3c1f to n1, the leader',
      'update u-1 began. It goes on when this call is cut off: follow it with wait_update {"updateId":"u-1"} or get_update',
      ...story.map(({ text }) => text),
    ]);
    expect(progress.map((each) => each.progress)).toEqual([1, 2, 3, 4, 5]);
  });

  it('a refusal is an error with every reason, and nothing is started', async () => {
    const refusal = { code: 'node-stale' as const, nodeId: 'n3', seen: 'silent', wanted: 'beats', next: 'look at n3' };
    const start = async () => Promise.reject(new Error('started'));
    const { client } = await connected(fakeSession({ start, plan: async () => fakePlan({ refusals: [refusal] }) }));
    const result = await client.callTool({ name: 'initiate_rolling_update', arguments: {} });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('look at n3');
    expect(result.structuredContent).toMatchObject({ outcome: 'refused', plan: { refusals: [refusal] } });
  });

  it('an update that was rolled back is an error with the failure and its evidence', async () => {
    const failure = {
      nodeId: 'n2',
      kind: 'start' as const,
      phase: 'trial' as const,
      seen: 'exit code 42',
      wanted: 'healthy',
      next: 'mend it',
      evidence: ['boom'],
    };
    const getUpdate = async () => fakeRecord({ outcome: 'rolled-back', failure });
    const { client } = await connected(fakeSession({ getUpdate }));
    const result = await client.callTool({ name: 'initiate_rolling_update', arguments: { plan: planHash } });
    expect(result.isError).toBe(true);
    expect(result.structuredContent).toMatchObject({ outcome: 'rolled-back', failure });
    expect(textOf(result)).toContain('| boom');
  });

  it('what goes wrong comes back as an error that says what to do next', async () => {
    const start = async () => Promise.reject(new ClusterError('update-running', 'u-0 runs since noon'));
    const { client } = await connected(fakeSession({ start }));
    const result = await client.callTool({ name: 'initiate_rolling_update', arguments: { plan: planHash } });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('u-0 runs since noon');
    expect(textOf(result)).toContain('next:   call cluster_status');
  });

  it.each([[{ dryRun: 'yes' }], [{ plan: 'x' }], [{ force: true }]])(
    '%j is refused, and nothing is started',
    async (input) => {
      const start = async () => Promise.reject(new Error('started'));
      const { client } = await connected(fakeSession({ start }));
      const call = client.callTool({ name: 'initiate_rolling_update', arguments: input });
      const refused = await call.then(
        (result) => result.isError === true && !textOf(result).includes('started'),
        () => true,
      );
      expect(refused).toBe(true);
    },
  );

  it('a cancelled call stops watching and leaves the update to go on, and says so', async () => {
    const controlled: string[] = [];
    let ended = false;
    const session = fakeSession(
      { controlUpdate: async (_id, action) => Promise.reject(controlled.push(action)) },
      {
        async *watch(_id, _after, signal) {
          try {
            yield fakeEvent(1);
            await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
          } finally {
            ended = true;
          }
        },
      },
    );
    const { client, world } = await connected(session);
    const cancel = new AbortController();
    const call = client.callTool(
      { name: 'initiate_rolling_update', arguments: { plan: planHash } },
      { signal: cancel.signal, onprogress: ({ message }) => message === 'n2: event 1' && cancel.abort() },
    );
    await expect(call).rejects.toThrow();
    await expect.poll(() => ended).toBe(true);
    await expect.poll(() => world.err()).toContain('update u-1 goes on by itself');
    expect(world.err()).toContain('get_update');
    expect(controlled).toEqual([]);
    expect((await client.callTool({ name: 'cluster_status', arguments: {} })).isError).toBeFalsy();
  });

  it('a call that was cancelled before the start begins nothing', async () => {
    let started = 0;
    const cancel = new AbortController();
    const session = fakeSession({
      plan: async () => {
        cancel.abort();
        await new Promise((done) => setTimeout(done, 20));
        return fakePlan();
      },
      start: async () => {
        started += 1;
        return fakeRecord();
      },
    });
    let closed = 0;
    session.close = async () => {
      closed += 1;
    };
    const { client } = await connected(session);
    const call = client.callTool(
      { name: 'initiate_rolling_update', arguments: { plan: planHash } },
      { signal: cancel.signal },
    );
    await expect(call).rejects.toThrow();
    await expect.poll(() => closed).toBe(1);
    expect(started).toBe(0);
  });

  it('when no node answers any more says that the update goes on, and how to see it', async () => {
    // biome-ignore lint/correctness/useYield: it fails before the first event
    const watch: Session['watch'] = async function* () {
      throw unavailable;
    };
    const { client } = await connected(fakeSession({}, { watch }));
    const result = await client.callTool({ name: 'initiate_rolling_update', arguments: { plan: planHash } });
    expect(result.isError).toBe(true);
    expect(result.structuredContent).toMatchObject({ outcome: null, running: true, updateId: 'u-1' });
    expect(textOf(result)).toContain('wait_update {"updateId":"u-1"} or get_update');
  });
});

describe('wait_update', () => {
  const running = (change: Partial<UpdateRecord> = {}) => fakeRecord({ state: 'running', outcome: null, ...change });
  const silent: Session['watch'] = async function* (_id, _after, signal) {
    yield fakeEvent(4, { kind: 'waiting', waiting, text: 'waits' });
    await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
  };
  const waiting = {
    nodeId: 'n2',
    what: 'n2 to be stable',
    seen: '1 of 3 heartbeats',
    waitedMs: 5000,
    atMostMs: 95_000,
  };

  it('returns with the outcome when the update ends', async () => {
    let asked = 0;
    const getUpdate = async () => {
      asked += 1;
      return asked === 1 ? running({ lastEvent: 0 }) : fakeRecord();
    };
    const { client } = await connected(fakeSession({ getUpdate }));
    const result = await client.callTool({ name: 'wait_update', arguments: { updateId: 'u-1' } });
    expect(result.isError).toBeFalsy();
    expect(result.structuredContent).toMatchObject({
      updateId: 'u-1',
      state: 'done',
      ended: true,
      outcome: 'committed',
    });
    expect(textOf(result)).toContain('committed: every node runs the new release');
  });

  it('of an update that has ended returns at once', async () => {
    const watch: Session['watch'] = () => {
      throw new Error('watched');
    };
    const { client } = await connected(fakeSession({}, { watch }));
    const result = await client.callTool({ name: 'wait_update', arguments: { updateId: 'u-1' } });
    expect(result.structuredContent).toMatchObject({ ended: true, waitsFor: null, atMostSecondsMore: null });
  });

  it('comes back when its time is over, with what is waited for and for how much longer at most', async () => {
    const { client, world } = await connected(fakeSession({ getUpdate: async () => running() }, { watch: silent }));
    const before = world.ctx.clock.nowMs();
    const result = await client.callTool({ name: 'wait_update', arguments: { updateId: 'u-1', atMostSeconds: 10 } });
    expect(world.ctx.clock.nowMs() - before).toBeGreaterThanOrEqual(10_000);
    expect(result.isError).toBeFalsy();
    expect(result.structuredContent).toMatchObject({
      state: 'running',
      ended: false,
      outcome: null,
      waitsFor: 'n2 to be stable',
      seen: '1 of 3 heartbeats',
      next: 'call wait_update {"updateId":"u-1"} again',
    });
    const { atMostSecondsMore } = result.structuredContent as { atMostSecondsMore: number };
    expect(atMostSecondsMore).toBeGreaterThan(70);
    expect(atMostSecondsMore).toBeLessThanOrEqual(90);
    expect(textOf(result)).toMatch(/waits for n2 to be stable, at most 1m \d+s more: 1 of 3 heartbeats/);
  });

  it('finds the running update by itself, and says so when there is none', async () => {
    const status = async () => fakeStatus({ update: running() });
    const asked: string[] = [];
    const getUpdate = async (id: string) => {
      asked.push(id);
      return fakeRecord();
    };
    const { client } = await connected(fakeSession({ status, getUpdate }));
    expect((await client.callTool({ name: 'wait_update', arguments: {} })).isError).toBeFalsy();
    expect(asked).toEqual(['u-1']);
    const none = await connected();
    expect((await none.client.callTool({ name: 'wait_update', arguments: {} })).isError).toBe(true);
  });

  it('when no node answers says that the update goes on, and what to do', async () => {
    // biome-ignore lint/correctness/useYield: it fails before the first event
    const watch: Session['watch'] = async function* () {
      throw unavailable;
    };
    const { client } = await connected(fakeSession({ getUpdate: async () => running() }, { watch }));
    const result = await client.callTool({ name: 'wait_update', arguments: { updateId: 'u-1' } });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('no node answers: the update goes on by itself.');
    expect(textOf(result)).toContain('call wait_update {"updateId":"u-1"} again');
  });

  it('is not held up by a last look that nobody answers', async () => {
    let asked = 0;
    const getUpdate = async () => {
      asked += 1;
      return asked === 1 ? running({ waiting }) : new Promise<never>(() => undefined);
    };
    const { client } = await connected(fakeSession({ getUpdate }, { watch: silent }));
    const result = await client.callTool({ name: 'wait_update', arguments: { updateId: 'u-1', atMostSeconds: 1 } });
    expect(result.structuredContent).toMatchObject({ ended: false, waitsFor: 'n2 to be stable' });
  });

  it.each([[0], [56], [1.5], ['45']])('atMostSeconds %j is refused', async (atMostSeconds) => {
    const { client } = await connected();
    const call = client.callTool({ name: 'wait_update', arguments: { updateId: 'u-1', atMostSeconds } });
    const refused = await call.then(
      (result) => result.isError === true,
      () => true,
    );
    expect(refused).toBe(true);
  });
});

describe('the other tools', () => {
  it('cluster_status returns the whole status', async () => {
    const { client } = await connected();
    const result = await client.callTool({ name: 'cluster_status', arguments: {} });
    expect(result.structuredContent).toEqual(fakeStatus());
    expect(textOf(result)).toContain('quorum 3 of 3');
  });

  it('get_update takes an id, the running update, or says that there is none', async () => {
    const { client } = await connected();
    const result = await client.callTool({ name: 'get_update', arguments: { updateId: 'u-1' } });
    expect(result.structuredContent).toEqual(fakeRecord());
    const none = await client.callTool({ name: 'get_update', arguments: {} });
    expect(none.isError).toBe(true);
    expect(textOf(none)).toContain('initiate_rolling_update');
  });

  it.each(['pause', 'resume', 'abort', 'revert'])('%s_update is passed on, with by whom and why', async (action) => {
    const asked: unknown[] = [];
    const session = fakeSession({
      status: async () => fakeStatus({ update: fakeRecord() }),
      controlUpdate: async (...words) => {
        asked.push(words);
        return fakeRecord();
      },
    });
    const { client } = await connected(session);
    const result = await client.callTool({ name: `${action}_update`, arguments: { why: 'because' } });
    expect(result.isError).toBeFalsy();
    expect(asked).toEqual([['u-1', action, 'mcp:op@host', 'because']]);
  });

  it('a configuration that cannot be used is an error of the call, not the end of the server', async () => {
    const { client } = await connected(async () =>
      Promise.reject(new ClusterError('config', 'no such file', { next: 'give --config' })),
    );
    const result = await client.callTool({ name: 'cluster_status', arguments: {} });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('error: no such file\n  next:   give --config');
    expect((await client.listTools()).tools).toHaveLength(8);
  });
});
