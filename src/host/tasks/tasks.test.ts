import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identify } from '../../base/boot.ts';
import { createTaskRegistry } from './registry.ts';
import type { TaskRequest } from './request.ts';
import { runTask, type TaskDeps, type TaskStatus } from './run.ts';

let base: string;
let deps: TaskDeps;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tasks-'));
  deps = { base, ownArgv: [process.execPath, '-e', 'console.log("own", process.argv.slice(1).join(" "))', '--'] };
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

async function collect(request: TaskRequest, signal?: AbortSignal): Promise<TaskStatus & { out: Buffer; err: string }> {
  const out: Uint8Array[] = [];
  const err: Uint8Array[] = [];
  const status = await runTask(deps, request, {
    onStdout: (chunk) => void out.push(chunk),
    onStderr: (chunk) => void err.push(chunk),
    ...(signal ? { signal } : {}),
  });
  return { ...status, out: Buffer.concat(out), err: Buffer.concat(err).toString() };
}

const alive = (pid: number): boolean => identify(pid) !== null;
const until = (condition: () => boolean) => expect.poll(condition, { timeout: 5000, interval: 10 }).toBe(true);
const readPid = (name: string): number => Number(readFileSync(join(base, name), 'utf8'));
const exists = (name: string): boolean => {
  try {
    return readPid(name) > 0;
  } catch {
    return false;
  }
};

describe('runTask', () => {
  it('reports the exit code and keeps stdout and stderr apart', async () => {
    const result = await collect({ argv: ['sh', '-c', 'echo out; echo err >&2; exit 7'] });
    expect(result).toMatchObject({ exitCode: 7, signal: null, timedOut: false, spawnError: '', err: 'err\n' });
    expect(result.out.toString()).toBe('out\n');
  });

  it('reports the signal that ended the task', async () => {
    expect(await collect({ argv: ['sh', '-c', 'kill -KILL $$'] })).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  });

  it('passes every byte value through, in and out', async () => {
    const stdin = Buffer.from(Array.from({ length: 256 * 300 }, (_, at) => at % 256));
    const result = await collect({ argv: ['cat'], stdin });
    expect(result.out.equals(stdin)).toBe(true);
  });

  it('survives a task that does not read its input', async () => {
    expect(await collect({ argv: ['true'], stdin: Buffer.alloc(4 << 20) })).toMatchObject({ exitCode: 0 });
  });

  it('runs argv as it is, with no shell between', async () => {
    const result = await collect({ argv: ['printf', '%s|', '$(id)', '; rm -rf /', '-n', 'a b\nc', ''] });
    expect(result.out.toString()).toBe('$(id)|; rm -rf /|-n|a b\nc||');
  });

  it('runs in the base directory with a small environment, unless told otherwise', async () => {
    process.env.TASKS_TEST_SECRET = 'x';
    try {
      const plain = (await collect({ argv: ['env'] })).out.toString();
      expect(plain).not.toContain('TASKS_TEST_SECRET');
      expect(plain).toContain('PATH=');
    } finally {
      delete process.env.TASKS_TEST_SECRET;
    }
    expect((await collect({ argv: ['pwd'] })).out.toString().trim()).toBe(base);
    const told = await collect({ argv: ['sh', '-c', 'pwd; echo $GREETING'], cwd: '/', env: { GREETING: 'hello you' } });
    expect(told.out.toString()).toBe('/\nhello you\n');
  });

  it("runs the node's own release for 'claudecluster'", async () => {
    const result = await collect({ argv: ['claudecluster', 'node', 'status'] });
    expect(result.out.toString()).toBe('own node status\n');
  });

  it('says why a program or a directory cannot be used', async () => {
    const searched = { PATH: '/usr/bin:/bin' }; // what may not be searched is EACCES
    expect(await collect({ argv: ['no-such-program-here'], env: searched })).toMatchObject({
      spawnError: expect.stringContaining('ENOENT'),
    });
    for (const cwd of ['/no/such', '/etc/hostname/below']) {
      expect(await collect({ argv: ['true'], cwd })).toMatchObject({ spawnError: `no working directory ${cwd}` });
    }
  });

  it.each([
    ['no argv', { argv: [] }],
    ['an empty program', { argv: [''] }],
    ['a NUL in argv', { argv: ['echo', 'a\0b'] }],
    ['a NUL in env', { argv: ['true'], env: { A: '\0' } }],
    ['an environment name with =', { argv: ['true'], env: { 'A=B': '' } }],
    ['a negative timeout', { argv: ['true'], timeoutMs: -1 }],
    ['a timeout of a month', { argv: ['true'], timeoutMs: 2_592_000_000 }],
  ])('refuses %s', async (_name, request) => {
    await expect(collect(request)).rejects.toMatchObject({ code: 'usage' });
  });

  it('ends the whole group at the timeout, grandchildren that ignore SIGTERM too', async () => {
    const script =
      "trap '' TERM; (trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > grandchild; sleep 60 & wait; sleep 60') & echo $$ > leader; wait; sleep 60";
    deps = { ...deps, killAfterMs: 200 };
    const result = await collect({ argv: ['sh', '-c', script], timeoutMs: 400 });
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
    await until(() => !alive(readPid('leader')) && !alive(readPid('grandchild')));
  });

  it('asks with SIGTERM first, so that a task may clean up', async () => {
    const result = await collect({
      argv: ['sh', '-c', "trap 'echo clean; exit 5' TERM; sleep 60 & wait"],
      timeoutMs: 200,
    });
    expect(result).toMatchObject({ timedOut: true, exitCode: 5 });
    expect(result.out.toString()).toBe('clean\n');
  });

  it('ends the whole group when the caller goes away', async () => {
    const caller = new AbortController();
    const running = collect({ argv: ['sh', '-c', 'sleep 60 & echo $! > child; wait'] }, caller.signal);
    await until(() => exists('child'));
    caller.abort();
    expect(await running).toMatchObject({ signal: 'SIGTERM', timedOut: false });
    await until(() => !alive(readPid('child')));
  });

  it('ends what a finished command left behind, holding its pipes or not', async () => {
    const started = process.hrtime.bigint();
    const script = 'sleep 60 & echo $! > holds; sleep 60 >/dev/null 2>&1 & echo $! > quiet; echo done';
    const result = await collect({ argv: ['sh', '-c', script] });
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.out.toString()).toBe('done\n');
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(5000);
    await until(() => !alive(readPid('holds')) && !alive(readPid('quiet')));
  });

  it('does not wait for a process that left the group with the pipes', async () => {
    const result = await collect({ argv: ['sh', '-c', 'setsid sleep 20 & echo $! > away; sleep 0.1; echo done'] });
    expect(result.out.toString()).toBe('done\n');
    process.kill(readPid('away'), 'SIGKILL');
  });

  it('holds the task back while the consumer is slow, and loses nothing', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((open) => {
      release = open;
    });
    let bytes = 0;
    let chunks = 0;
    const running = runTask(
      deps,
      { argv: ['sh', '-c', 'head -c 5000000 /dev/zero; echo $$ > wrote'] },
      {
        onStdout: async (chunk) => {
          chunks += 1;
          await gate;
          bytes += chunk.length;
        },
        onStderr: () => {},
      },
    );
    await until(() => chunks === 1);
    // The writer is stuck in the pipe: it cannot have come to its next command.
    expect(exists('wrote')).toBe(false);
    release();
    expect(await running).toMatchObject({ exitCode: 0 });
    expect(bytes).toBe(5_000_000);
  });

  it('delivers what is left in the pipe to a consumer slower than the drain time', async () => {
    deps = { ...deps, drainMs: 50 };
    let bytes = 0;
    const status = await runTask(
      deps,
      { argv: ['sh', '-c', 'head -c 60000 /dev/zero'] },
      {
        onStdout: async (chunk) => {
          await new Promise((later) => setTimeout(later, 300));
          bytes += chunk.length;
        },
        onStderr: () => {},
      },
    );
    expect(status).toMatchObject({ exitCode: 0 });
    expect(bytes).toBe(60_000);
  });

  it('ends at its timeout although the consumer never reads on', async () => {
    deps = { ...deps, killAfterMs: 100, drainMs: 100 };
    const status = await runTask(
      deps,
      { argv: ['cat', '/dev/zero'], timeoutMs: 300 },
      { onStdout: () => new Promise(() => {}), onStderr: () => {} },
    );
    expect(status).toMatchObject({ timedOut: true, signal: 'SIGTERM' });
  });

  it('ends the task when its consumer fails', async () => {
    const status = await runTask(
      deps,
      { argv: ['cat', '/dev/zero'] },
      { onStdout: () => Promise.reject(new Error('gone')), onStderr: () => {} },
    );
    expect(status.signal).toMatch(/SIG(TERM|PIPE)/);
  });
});

describe('createTaskRegistry', () => {
  const silent = { onStdout: () => {}, onStderr: () => {} };

  it('refuses new tasks while it drains, but runs the verbs of the cluster, and takes tasks again afterwards', async () => {
    const registry = createTaskRegistry({ ...deps, nodeId: 'n2' });
    const running = registry.run({ argv: ['sleep', '60'] }, silent);
    expect(registry.drain(true)).toBe(1);
    await expect(registry.run({ argv: ['true'] }, silent)).rejects.toMatchObject({
      code: 'draining',
      detail: { nodeId: 'n2', seen: 'draining, 1 tasks still run' },
    });
    await expect(registry.run({ argv: ['claudecluster', 'update'] }, silent)).rejects.toMatchObject({
      code: 'draining',
    });
    expect(await registry.run({ argv: ['claudecluster', 'node', 'status'] }, silent)).toMatchObject({ exitCode: 0 });
    expect(await registry.endAll()).toEqual(['sleep']);
    expect(await running).toMatchObject({ signal: 'SIGTERM' });
    expect(registry.drain(false)).toBe(0);
    expect(await registry.run({ argv: ['true'] }, silent)).toMatchObject({ exitCode: 0 });
  });

  it('tells the caller of a task that was ended, also where the task makes a success of it', async () => {
    const registry = createTaskRegistry({ ...deps, nodeId: 'n2' });
    let started = (): void => {};
    const ready = new Promise<void>((resolve) => {
      started = resolve;
    });
    const polite = { argv: ['sh', '-c', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done'] };
    const running = registry.run(polite, { ...silent, onStdout: () => started() });
    await ready;
    expect(await registry.endAll()).toEqual(['sh']);
    expect(await running).toMatchObject({ exitCode: null, signal: 'SIGTERM', timedOut: false });
  });

  it('leaves the verbs of the cluster running when it ends the tasks, unless told otherwise', async () => {
    deps = { ...deps, ownArgv: ['sleep', '60', '--'] };
    const registry = createTaskRegistry({ ...deps, ownArgv: ['sh', '-c', 'sleep 60'], nodeId: 'n2' });
    const verb = registry.run({ argv: ['claudecluster', 'node', 'stage'] }, silent);
    expect(registry.running()).toBe(0);
    expect(await registry.endAll()).toEqual([]);
    expect(await registry.endAll({ verbs: true })).toEqual(['claudecluster']);
    expect(await verb).toMatchObject({ signal: 'SIGTERM' });
  });

  it('waits for the answers of the verbs of the cluster, and for no other task, and not for ever', async () => {
    const registry = createTaskRegistry({ ...deps, ownArgv: ['sh', '-c', 'sleep 0.2; echo done'], nodeId: 'n2' });
    const heard: string[] = [];
    const other = registry.run({ argv: ['sleep', '60'] }, silent);
    const onStdout = (chunk: Uint8Array): void => void heard.push(Buffer.from(chunk).toString());
    const verb = registry.run({ argv: ['claudecluster', 'node', 'activate'] }, { ...silent, onStdout });
    await registry.verbsEnded(1);
    expect(heard).toEqual([]);
    await registry.verbsEnded(60_000);
    expect(heard).toEqual(['done\n']);
    expect(await verb).toMatchObject({ exitCode: 0, signal: null });
    await registry.endAll();
    await other;
  });

  it('forgets a task that could not start', async () => {
    const registry = createTaskRegistry({ ...deps, nodeId: 'n2' });
    await registry.run({ argv: ['no-such-program-here'] }, silent);
    await expect(registry.run({ argv: [] }, silent)).rejects.toMatchObject({ code: 'usage' });
    expect(registry.running()).toBe(0);
  });
});
