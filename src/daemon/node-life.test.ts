import { chmodSync, existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { record as aRecord } from '../../test/scenarios/a-record.ts';
import { jumpingClock } from '../../test/support/jumping-clock.ts';
import { storeRelease } from '../../test/support/releases.ts';
import { tempDir } from '../../test/support/temp.ts';
import { systemClock as clock } from '../adapters/system-clock.ts';
import { keys } from '../base/store-keys.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import { ClusterError } from '../errors.ts';
import { bootstrapPaths } from '../members/bootstrap-files.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { NodeInfo } from '../ports/membership.ts';
import type { Store, Watch } from '../ports/store.ts';
import { readHolders } from '../trial/holders-file.ts';
import type { EtcdMember } from './etcd/member.ts';
import type { NodeLife, NodeParts } from './life/parts.ts';
import { createNodeLife } from './node-life.ts';
import { unhealthyReasons } from './self-health.ts';

const root = tempDir('node-life');
let made = 0;
let ending: (() => Promise<void>) | null = null;
afterEach(async () => {
  await ending?.();
  ending = null;
});

/** Rejects as often as `failures` says, then does what it does. */
function failing<T>(failures: { left: number; error?: ClusterError }, work: () => T): () => Promise<T> {
  return async () => {
    if (failures.left <= 0) return work();
    failures.left -= 1;
    throw failures.error ?? new ClusterError('unavailable', 'the store does not answer');
  };
}

/** A worker, or a voter with `member`, whose surroundings are scripted; `told` is what it did to them, in order. */
function setup(change: { member?: Partial<EtcdMember>; etcd?: { left: number; error: ClusterError } } = {}) {
  made += 1;
  const base = join(root, String(made));
  mkdirSync(join(base, 'data'), { recursive: true });
  mkdirSync(join(base, 'run'));
  const told: string[] = [];
  const tell =
    <T>(what: string, value?: T) =>
    async (): Promise<T> => {
      told.push(what);
      return value as T;
    };
  const watch = {
    failures: { left: 0 },
    open: [] as string[],
    hint: [] as (() => void)[],
    woken: 0,
    seen: [] as (() => void)[],
    nodes: [] as NodeInfo[],
  };
  const store = {
    get: async (key: string) => (key === keys.cluster ? { value: '{"clusterId":"c1"}' } : null),
    txn: async () => true,
    watch: (prefix: string, onChange: () => void) =>
      failing(watch.failures, (): Watch => {
        watch.open.push(prefix);
        watch.hint.push(onChange);
        return { close: tell('watch closed') as Watch['close'] };
      })(),
  } as unknown as Store;
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined } as unknown as Logger;
  const state = { notReady: 'not yet', stopping: false, memberId: null };
  let beats: number | null = null;
  const facts = () => ({
    notReady: state.notReady,
    member: null,
    damaged: '',
    heartbeatMsAgo: beats,
    heartbeatMs: 1_000,
  });
  const parts = {
    config: {
      nodeId: 'n1',
      base,
      role: 'worker',
      advertise: 'n1:1',
      probationMs: 1,
      etcd: { endpoints: ['e:1'] },
      diskReserveBytes: 0,
    },
    version: { protocol: { min: 1, max: 1 } },
    release: { buildHash: 'a'.repeat(64), version: '1.0.0', gitCommit: 'abc' },
    incarnation: 'i1',
    state,
    boot: bootstrapPaths(join(base, 'data')),
    clock,
    logger,
    store,
    member: change.member
      ? ({ stop: tell('etcd stopped'), ready: async () => undefined, ...change.member } as EtcdMember)
      : null,
    heartbeat: {
      start: () => {
        beats = 0;
      },
      touch: tell('heartbeat: draining'),
      written: () => ({ seq: 0, lastMsAgo: beats }),
      stop: tell('lease revoked'),
    },
    membership: {
      start: () => undefined,
      stop: tell('membership stopped'),
      onChange: (listener: () => void) => void watch.seen.push(listener),
      lastView: () => ({ nodes: watch.nodes, ageMs: 0 }),
    },
    leadership: {
      start: () => undefined,
      onChange: () => () => undefined,
      resign: tell('resigned'),
      stop: tell('leadership stopped'),
      stepDown: async () => undefined,
    },
    look: { run: async () => undefined, damaged: () => '' },
    mend: async () => undefined,
    raft: { isLeader: () => false, getPeers: tell('Raft leader looked for', []) },
    journal: { current: async () => null, get: async () => null },
    updater: {
      wake: () => {
        watch.woken += 1;
      },
      lead: (signal: AbortSignal) =>
        new Promise<void>((done) => signal.addEventListener('abort', () => done(told.push('updater ended') as never))),
    },
    tasks: {
      drain: () => told.push('tasks drained'),
      running: () => 0,
      endAll: async ({ verbs = false } = {}) => {
        told.push(verbs ? 'verbs ended' : 'tasks ended');
        return [];
      },
      verbsEnded: tell('verbs waited for'),
    },
    hooks: { afterRestart: async () => undefined },
    ending: new AbortController(),
    facts,
    isHealthy: () => unhealthyReasons(facts()).length === 0,
    etcdUsable: failing(change.etcd ?? { left: 0 }, () => undefined),
    ownMemberId: async () => null,
    listen: async () => ({ setServing: (on: boolean) => told.push(`serving: ${on}`), stop: tell('server stopped') }),
    upkeep: async () => undefined,
    disconnect: tell('disconnected'),
  } as unknown as NodeParts;
  return { parts, state, watch, told };
}

/** Runs it; it is asked to stop when the test ends, if not before. */
function run(life: NodeLife): { stop: () => Promise<void> } {
  const asked = new AbortController();
  const running = life.run(asked.signal);
  const stop = async (): Promise<void> => {
    ending = null;
    asked.abort();
    await running;
    await life.shutDown();
  };
  ending = stop;
  return { stop };
}

describe('the releases of a node', () => {
  const [target, other] = ['a', 'b'].map((letter) => letter.repeat(64)) as [string, string];
  const at = (parts: NodeParts, name: string): string => join(parts.config.base, 'releases', name);
  const make = (parts: NodeParts, ...names: string[]): void => {
    for (const name of names) mkdirSync(join(at(parts, name), 'sub'), { recursive: true });
  };
  /** What the journal says, and the hint that it changed. */
  function following(record: UpdateRecord | null) {
    const made = setup();
    const { parts, watch } = made;
    const says = { record, asked: 0, error: null as ClusterError | null };
    parts.journal.current = async () => {
      says.asked += 1;
      if (says.error !== null) throw says.error;
      return says.record;
    };
    const change = (next: UpdateRecord | null): void => {
      says.record = next;
      for (const hint of watch.hint) hint();
    };
    Object.assign(parts, { clock: stillClock() });
    return { ...made, says, change };
  }
  const running = aRecord({}, { id: 'u-1' });
  running.target = { ...running.target, buildHash: target };

  it('are freed of what was left half done when the node starts and no update runs, however young that is', async () => {
    const { parts } = following(null);
    make(parts, `${target}.partial`, `${other}.gone`);
    run(createNodeLife(parts));
    await expect
      .poll(() => [existsSync(at(parts, `${other}.gone`)), existsSync(at(parts, `${target}.partial`))])
      .toEqual([false, false]);
  });

  it('keep the half of a running update, and lose it as soon as that has ended, wherever it ended', async () => {
    const { parts, says, change } = following(running);
    make(parts, `${target}.partial`, `${other}.gone`);
    run(createNodeLife(parts));
    await expect.poll(() => says.asked).toBeGreaterThan(0);
    await expect.poll(() => existsSync(at(parts, `${other}.gone`))).toBe(false);
    expect(existsSync(at(parts, `${target}.partial`))).toBe(true);
    change(null);
    await expect.poll(() => existsSync(at(parts, `${target}.partial`))).toBe(false);
  });

  it('keep what the next update fills already, and everything while nobody can say whether one runs', async () => {
    const { parts, says, change } = following(running);
    make(parts, `${target}.partial`, `${other}.partial`);
    run(createNodeLife(parts));
    await expect.poll(() => says.asked).toBeGreaterThan(0);
    says.error = new ClusterError('unavailable', 'the store does not answer');
    change(null);
    const { asked } = says;
    await expect.poll(() => says.asked).toBeGreaterThan(asked + 1);
    expect(existsSync(at(parts, `${target}.partial`))).toBe(true);
    says.error = null;
    change({ ...running, id: 'u-2', target: { ...running.target, buildHash: other } });
    await expect.poll(() => existsSync(at(parts, `${target}.partial`))).toBe(false);
    expect(existsSync(at(parts, `${other}.partial`))).toBe(true);
  });

  it('that an older build linked get files of their own', async () => {
    const { parts } = following(null);
    const { base } = parts.config;
    const hashes = [];
    for (const note of ['one', 'two']) {
      hashes.push(await storeRelease(base, join(base, `build ${note}`), { 'lib/shared': 'equal', 'note.txt': note }));
    }
    const [one, two] = hashes.map((hash) => join(at(parts, hash), 'lib/shared')) as [string, string];
    chmodSync(join(two, '..'), 0o755);
    rmSync(two);
    linkSync(one, two);
    expect(statSync(two).nlink).toBe(2);
    run(createNodeLife(parts));
    await expect.poll(() => statSync(two).nlink, { timeout: 5_000 }).toBe(1);
  });
});

/** Short sleeps are over at once, long ones when somebody wakes them; the clock of the files is not ours to move, so this one stands still. */
function stillClock(): Clock {
  const jumps = jumpingClock();
  const sleep: Clock['sleep'] = (ms, signal) =>
    ms <= 5_000
      ? jumps.sleep(ms, signal)
      : new Promise((done) => {
          if (signal?.aborted) done();
          signal?.addEventListener('abort', () => done(), { once: true });
        });
  return { ...jumps, nowMs: () => 1_000, sleep };
}

describe('who ran what', () => {
  it('is kept on the disk for the guard: a few of each release, no trial, nobody who is away, not the node itself', async () => {
    const { parts, watch } = setup();
    run(createNodeLife(parts));
    await expect.poll(() => watch.seen.length).toBe(1);
    const node = (nodeId: string, change: object = {}) =>
      ({
        nodeId,
        address: `${nodeId}:1`,
        status: 'active',
        trial: null,
        release: parts.release,
        ...change,
      }) as NodeInfo;
    watch.nodes = [
      node('n1'),
      node('n2'),
      node('n3', { trial: 'x' }),
      node('n4', { status: 'offline' }),
      node('n5'),
      node('n6'),
      node('n7'),
    ];
    for (const listener of watch.seen) listener();
    const { base } = parts.config;
    expect(readHolders(base).map((one) => one.nodeId)).toEqual(['n2', 'n5', 'n6']);
    watch.nodes = [node('n1')];
    for (const listener of watch.seen) listener();
    expect(readHolders(base)).toHaveLength(3);
  });
});

describe('the life of a node', () => {
  it('goes on when the store takes no watch just after the join, and has it later', async () => {
    const { parts, state, watch } = setup();
    watch.failures.left = 3;
    run(createNodeLife(parts));
    await expect.poll(() => state.notReady).toBe('');
    await expect.poll(() => [...watch.open].sort(), { timeout: 10_000 }).toEqual([keys.nodes, keys.update].sort());
    // What happened while there was no watch is not known: the updater looks.
    expect(watch.woken).toBe(2);
  });

  it('ends a watch that it gets only after it was asked to stop', async () => {
    const { parts, state, told } = setup();
    let grant = (_: Watch): void => undefined;
    const granted = new Promise<Watch>((done) => {
      grant = done;
    });
    parts.store.watch = () => granted;
    const { stop } = run(createNodeLife(parts));
    await expect.poll(() => state.notReady).toBe('');
    await stop();
    grant({ close: async () => void told.push('late watch closed') });
    await expect.poll(() => told).toContain('late watch closed');
  });

  it('tries again when its Raft member cannot be started, and says why it is not healthy', async () => {
    const failures = {
      left: 1,
      error: new ClusterError('operator-needed', 'an etcd is left over', { next: 'end it' }),
    };
    const reasons: string[] = [];
    const { parts, state } = setup({ member: { start: failing(failures, () => undefined) } });
    parts.logger.warn = () => reasons.push(state.notReady);
    bootstrapped(parts);
    run(createNodeLife(parts));
    await expect.poll(() => state.notReady).toBe('');
    expect(reasons).toEqual(['an etcd is left over; end it']);
  });

  it('waits for an etcd that the host lacks: its health says how to install it, and no start of a trial is used up', async () => {
    const error = new ClusterError('operator-needed', 'etcd is not installed on this host', { next: 'install it: …' });
    const etcd = { left: Number.POSITIVE_INFINITY, error };
    const started: true[] = [];
    const { parts, state } = setup({ etcd, member: { start: async () => void started.push(true) } });
    bootstrapped(parts);
    run(createNodeLife(parts));
    await expect.poll(() => state.notReady).toBe('etcd is not installed on this host; install it: …');
    expect(started).toHaveLength(0);
    etcd.left = 0;
    await expect.poll(() => state.notReady).toBe('');
    expect(started).toHaveLength(1);
  });

  it('ends in the order that costs the others least', async () => {
    const { parts, state, watch, told } = setup({ member: { start: async () => undefined } });
    bootstrapped(parts);
    const { stop } = run(createNodeLife(parts));
    await expect.poll(() => watch.open.length).toBe(2);
    await expect.poll(() => told).toContain('serving: true');
    const before = told.length;
    await stop();
    expect(state.stopping).toBe(true);
    expect(told.slice(before)).toEqual([
      'serving: false',
      'tasks drained',
      'updater ended',
      'heartbeat: draining',
      'Raft leader looked for',
      'resigned',
      'tasks ended',
      'verbs waited for',
      'verbs ended',
      'leadership stopped',
      'membership stopped',
      'watch closed',
      'watch closed',
      'lease revoked',
      'server stopped',
      'etcd stopped',
      'disconnected',
    ]);
  });
});

/** As a node whose member has served before. */
function bootstrapped(parts: NodeParts): void {
  const etcd = { client: 'n1:2', peer: 'n1:3', others: [] };
  Object.assign(parts.config, { role: 'voter', etcd });
  mkdirSync(join(parts.boot.etcd, 'member', 'wal'), { recursive: true });
  writeFileSync(join(parts.boot.etcd, 'member', 'wal', '0.wal'), '');
  writeFileSync(parts.boot.cluster, JSON.stringify({ clusterId: 'c1', member: 'n1', state: 'member' }));
}
