/** A world for one command or tool: outputs that are kept, a clock that jumps, a cluster that answers what the test says. */
import type { Control } from '../../cluster/control/control-api.ts';
import { ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Context, Output } from '../context.ts';
import type { Session } from '../session.ts';
import { fakePlan, fakeRecord, fakeStatus, newVersion, story } from './documents.ts';

/** Every method answers as for a good update; give those that shall not. */
function fakeControl(change: Partial<Control> = {}): Control {
  return {
    status: async () => fakeStatus(),
    plan: async () => fakePlan(),
    start: async () => fakeRecord({ state: 'running', outcome: null, endedAt: '', lastEvent: 0 }),
    watch: async function* (_id, after) {
      yield* story.filter(({ number }) => number > after);
    },
    listUpdates: async () => [],
    getUpdate: async () => fakeRecord(),
    controlUpdate: async () => fakeRecord({ state: 'running', outcome: null }),
    listReleases: async () => [],
    setQuarantine: async () => undefined,
    approveNode: async () => undefined,
    ...change,
  };
}

export function fakeSession(control: Partial<Control> = {}, change: Partial<Session> = {}): Session {
  const whole = fakeControl(control);
  return {
    control: whole,
    watch: (id, after, signal) => whole.watch(id, after, signal),
    push: async () => ({ bytesTransferred: 5000 }),
    exec: async () => ({ exitCode: 0, signal: null, timedOut: false }),
    close: async () => undefined,
    ...change,
  };
}

/** Time passes only in `sleep`, which takes none. */
export function fakeClock(): Clock & { advance(ms: number): void } {
  let now = 1000;
  let ids = 0;
  return {
    advance: (ms) => {
      now += ms;
    },
    nowMs: () => now,
    wallIso: () => '2026-02-17T15:00:00.000Z',
    sleep: async (ms, signal) => {
      if (!signal?.aborted) now += ms;
      await new Promise((done) => setImmediate(done));
    },
    randomId: (bytes) => (++ids).toString(16).padStart(bytes * 2, '0'),
  };
}

export interface FakeWorld {
  ctx: Context;
  out(): string;
  err(): string;
  bytes(): Buffer;
  interrupt: AbortController;
  /** Each line of stdout, parsed. */
  json(): unknown[];
}

export function fakeWorld(
  session: Session | (() => Promise<Session>) = fakeSession(),
  change: Partial<Context> & { isTty?: boolean } = {},
): FakeWorld {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const interrupt = new AbortController();
  const output = (into: Buffer[]): Output => ({
    isTty: change.isTty ?? false,
    columns: () => 100,
    rows: () => 40,
    write: async (chunk) => {
      into.push(Buffer.from(chunk));
    },
  });
  const ctx: Context = {
    stdout: output(out),
    stderr: output(err),
    env: { CLAUDECLUSTER_CONFIG: '/etc/claudecluster.yaml', NO_COLOR: '1' },
    cwd: '/',
    clock: fakeClock(),
    user: 'op@host',
    bundle: '/opt/claudecluster/index.js',
    program: ['/usr/bin/node', '/opt/claudecluster/index.js'],
    canAsk: false,
    ask: async () => false,
    yieldToServices: () => undefined,
    interrupts: () => interrupt.signal,
    connect: async () => (typeof session === 'function' ? session() : session),
    serveMcp: async () => undefined,
    inspectRelease: async (dir) => ({ dir, version: newVersion }),
    ...change,
  };
  const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
  return {
    ctx,
    interrupt,
    out: () => text(out),
    err: () => text(err),
    bytes: () => Buffer.concat(out),
    json: () =>
      text(out)
        .trimEnd()
        .split('\n')
        .filter(Boolean)
        .map((row) => JSON.parse(row) as unknown),
  };
}

export const unavailable = new ClusterError('unavailable', 'no node answers', { next: 'look at the nodes' });
