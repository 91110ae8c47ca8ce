/** A world for one command: outputs that are kept, a clock that jumps, a cluster that answers what the test says. */

import type { Control } from '../../cluster/control-api.ts';
import type { ClusterStatus } from '../../cluster/status.ts';
import { defaultOptions } from '../../cluster/update/options.ts';
import type { NodeTask, UpdateEvent, UpdatePlan, UpdateRecord } from '../../cluster/update/types.ts';
import { ClusterError } from '../../errors.ts';
import type { Context, Output } from '../../front/context.ts';
import type { Session } from '../../front/session.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ReleaseRef, VersionInfo } from '../../ports/releases.ts';
import { runCli } from '../cli.ts';

export const oldRelease: ReleaseRef = { buildHash: '09ab'.repeat(16), version: '0.1.0', gitCommit: 'aaaa111' };
export const newVersion: VersionInfo = {
  buildHash: '1f3c'.repeat(16),
  version: '0.2.0',
  gitCommit: 'bbbb222',
  builtAt: '2026-02-17T14:30:00Z',
  protocol: { min: 1, max: 1 },
  node: '>=20.19',
};
export const newRelease: ReleaseRef = { buildHash: newVersion.buildHash, version: '0.2.0', gitCommit: 'bbbb222' };
export const planHash = 'c0de'.repeat(16);

export function fakeStatus(change: Partial<ClusterStatus> = {}): ClusterStatus {
  return {
    cluster: { id: 'dev-1', leader: 'n1', epoch: 3, raftLeader: 'n1', term: 4, voters: 3, healthyVoters: 3, quorum: 2 },
    nodes: ['n1', 'n2', 'n3'].map((nodeId, index) => ({
      nodeId,
      role: 'voter',
      status: 'active',
      address: `127.0.0.1:2100${index + 1}`,
      release: oldRelease,
      trial: null,
      incarnation: `i${index + 1}`,
      lastSeenMsAgo: 400,
      healthy: true,
      reasons: [],
    })),
    update: null,
    release: oldRelease.buildHash,
    ...change,
  };
}

export function fakePlan(change: Partial<UpdatePlan> = {}): UpdatePlan {
  const order = ['n2', 'n3', 'n1'].map((nodeId) => ({
    nodeId,
    role: 'voter' as const,
    from: oldRelease,
    skip: false,
    left: '',
    address: `127.0.0.1:2100${nodeId.slice(1)}`,
  }));
  return {
    target: newVersion,
    planHash,
    order,
    voters: 3,
    healthyVoters: 3,
    quorum: 2,
    leaderMoves: ['n1 to n2'],
    bytesAtMost: 12_300_000,
    bestMs: 24_000,
    worstMs: 660_000,
    refusals: [],
    notes: [],
    ...change,
  };
}

export function fakeTask(nodeId: string, change: Partial<NodeTask> = {}): NodeTask {
  return {
    nodeId,
    address: `127.0.0.1:2100${nodeId.slice(1)}`,
    role: 'voter',
    from: oldRelease,
    to: newVersion.buildHash,
    direction: 'forward',
    phase: 'committed',
    incarnationBefore: 'a',
    incarnationTrial: 'b',
    durations: { stage: 350, health: 1200 },
    bytesTransferred: 1000,
    failure: null,
    ...change,
  };
}

export function fakeRecord(change: Partial<UpdateRecord> = {}): UpdateRecord {
  return {
    v: 1,
    service: 'claudecluster',
    id: 'u-1',
    state: 'done',
    target: newVersion,
    planHash,
    options: defaultOptions,
    startedBy: 'op@host',
    startedAt: '2026-02-17T15:00:00Z',
    endedAt: '2026-02-17T15:00:30Z',
    leader: 'n2',
    epoch: 4,
    tasks: ['n2', 'n3', 'n1'].map((nodeId) => fakeTask(nodeId)),
    reservation: null,
    intent: null,
    waiting: null,
    leaderMoves: 1,
    raftLeaderChanges: 1,
    raftLeader: 'n2',
    revertBegun: false,
    kind: 'update',
    partial: false,
    rehearsed: false,
    canaryPassed: false,
    failure: null,
    outcome: 'committed',
    requested: null,
    operatorMust: null,
    lastEvent: 3,
    ...change,
  };
}

export function fakeEvent(number: number, change: Partial<UpdateEvent> = {}): UpdateEvent {
  return {
    number,
    updateId: 'u-1',
    at: '2026-02-17T15:00:00Z',
    by: 'n1',
    epoch: 3,
    kind: 'phase',
    nodeId: 'n2',
    text: `event ${number}`,
    ...change,
  };
}

export const story: UpdateEvent[] = [
  fakeEvent(1, { kind: 'started', nodeId: null, text: 'update to 0.2.0 began' }),
  fakeEvent(2, { phase: 'committed', text: 'n2 is committed' }),
  fakeEvent(3, { kind: 'ended', nodeId: null, text: 'every node runs 0.2.0', outcome: 'committed' }),
];

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

/** Runs one command line in a world of its own. */
export async function run(argv: string[], world: FakeWorld = fakeWorld()): Promise<{ code: number } & FakeWorld> {
  return { code: await runCli(argv, world.ctx), ...world };
}

export const unavailable = new ClusterError('unavailable', 'no node answers', { next: 'look at the nodes' });
