/** The supervisor with real processes: fake daemons that behave as told, the real guard, the real socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { createSupervisorClient, createSupervisorServiceManager } from '../../src/host/managers/supervisor/manager.ts';
import { activate, commit, rollback, type VerbDeps } from '../../src/host/verbs.ts';
import { noteCommitted } from '../../src/release/committed.ts';
import { waitFor } from '../support/wait.ts';
import { bad, bundle, type FakeNode, fakeNode, good, old } from './fake-node.ts';

let bundles = '';
let guardFile = '';
let driver = '';
const running: { child: ChildProcess; node: FakeNode }[] = [];
beforeAll(() => {
  bundles = mkdtempSync(join(tmpdir(), 'bundles-'));
  guardFile = bundle('../../src/trial/guard-main.ts', bundles);
  driver = bundle('supervise-driver.ts', bundles);
});
afterAll(() => rmSync(bundles, { recursive: true, force: true }));
afterEach(async () => {
  const all = running.splice(0);
  // Every supervisor first: two of them may have had the same node.
  for (const { child } of all) {
    child.kill('SIGTERM');
    await ended(child);
  }
  for (const { node } of all) {
    // Whatever the test made of its supervisor, its daemon goes.
    const daemon = daemonPid(node);
    if (daemon !== null && alive(daemon)) process.kill(-daemon, 'SIGKILL');
    node.remove();
  }
});

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((done) => child.once('exit', (code) => done(code)));
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

const daemonPid = (node: FakeNode): number | null =>
  node.has('run/daemon.json') ? Number(node.json('run/daemon.json').pid) : null;

interface Supervised {
  node: FakeNode;
  child: ChildProcess;
  deps: VerbDeps;
  output(): string;
}

function supervise(node: FakeNode, options: object = {}): Supervised {
  const child = spawn(process.execPath, [driver, node.base, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)));
  running.push({ child, node });
  const deps: VerbDeps = {
    base: node.base,
    nodeId: 'n1',
    service: 'claudecluster',
    clock: systemClock,
    serviceManager: createSupervisorServiceManager(node.base),
    quorumCheck: async () => {},
    storeEpoch: async () => update.epoch,
    verifyRelease: async () => {},
    prune: async () => {},
  };
  return { node, child, deps, output: () => output };
}

const healthyOn = (node: FakeNode, hash: string): Promise<true> =>
  waitFor(
    `healthy on ${hash[0]}`,
    () => node.has('run/healthy.json') && node.json('run/healthy.json').release === hash,
    {
      timeoutMs: 30_000,
      everyMs: 20,
    },
  ) as Promise<true>;

const starts = (node: FakeNode): string => node.read('starts.txt') ?? '';
const update = { release: bad, updateId: 'u1', epoch: 5 };

/** A supervised node, healthy on its good release, with this bad one beside it. */
async function start(behaviour: Parameters<FakeNode['addRelease']>[1], options: object = {}): Promise<Supervised> {
  const node = fakeNode(guardFile);
  node.addRelease(bad, behaviour);
  const supervised = supervise(node, options);
  await healthyOn(node, good);
  return supervised;
}

describe('a probation under the supervisor', () => {
  it('of a committed build that cannot stay up ends on the release before it, with the evidence', async () => {
    const { node, deps, output } = await start('good');
    await activate(deps, update);
    await healthyOn(node, bad);
    await commit(deps, update);
    expect(starts(node)).toBe('ab');
    node.addRelease(bad, 'crash');
    process.kill(daemonPid(node) ?? 0, 'SIGKILL');
    await waitFor('the way back', () => starts(node) === 'abbbba', { timeoutMs: 30_000, everyMs: 10 });
    await healthyOn(node, good);
    expect(node.runs(), output()).toBe(good);
    const last = node.json('data/last-rollback.json');
    expect(last).toMatchObject({ updateId: 'u1', release: bad, knownGood: good, cause: 'probation', exitCode: 3 });
    expect(String(last.logTail)).toContain('boom: cannot start');
    expect([node.has('probation.json'), node.has('probation.ending.json')]).toEqual([false, false]);
    await expect(activate(deps, update)).rejects.toMatchObject({ code: 'quarantined' });
  });

  it('has its guard from the release before it, so that a build whose guard is broken goes back, too', async () => {
    const { node, deps, output } = await start('good');
    await activate(deps, update);
    await healthyOn(node, bad);
    await commit(deps, update);
    node.addRelease(bad, 'crash');
    writeFileSync(join(node.base, 'releases', bad, 'guard.js'), `console.log('{"action":"start","run":null}')`);
    process.kill(daemonPid(node) ?? 0, 'SIGKILL');
    await healthyOn(node, good);
    expect(node.runs(), output()).toBe(good);
  });
});

describe('a trial under the supervisor', () => {
  it('of a build that crashes at start ends after three starts on the known-good release, with the evidence', async () => {
    const { node, deps, output } = await start('crash');
    await activate(deps, update);
    await waitFor('the way back', () => starts(node) === 'abbba', { timeoutMs: 30_000, everyMs: 10 });
    await healthyOn(node, good);
    expect(node.runs(), output()).toBe(good);
    expect(node.json('data/last-rollback.json')).toMatchObject({
      updateId: 'u1',
      release: bad,
      cause: 'boots',
      exitCode: 3,
    });
    expect(String(node.json('data/last-rollback.json').logTail)).toContain('boom: cannot start');
    await expect(commit(deps, update)).rejects.toMatchObject({ code: 'refused' });
    await expect(activate(deps, update)).rejects.toMatchObject({ code: 'quarantined' });
  });

  it('of a build that hangs, deaf to SIGTERM, ends at the healthy deadline', async () => {
    const { node, deps } = await start('hang', { rollbackGraceMs: 300 });
    await activate(deps, { ...update, healthTimeoutMs: 5000, trialMs: 60_000 });
    await waitFor('the way back', () => starts(node) === 'aba', { timeoutMs: 30_000, everyMs: 10 });
    await healthyOn(node, good);
    expect(node.json('data/last-rollback.json').cause).toBe('healthy-deadline');
    expect(node.json('run/last-exit.json')).toMatchObject({ release: bad, signal: 'SIGKILL' });
  });

  it('of a build that is healthy and never committed ends at the commit deadline', async () => {
    const { node, deps } = await start('good');
    await activate(deps, { ...update, healthTimeoutMs: 6000, trialMs: 6000 });
    await waitFor('the way back', () => starts(node) === 'aba', { timeoutMs: 30_000, everyMs: 10 });
    await healthyOn(node, good);
    expect(node.json('data/last-rollback.json').cause).toBe('commit-deadline');
  });

  it('of a build that gets healthy and dies ends after three starts', async () => {
    const { node, deps } = await start('dies-healthy');
    await activate(deps, update);
    await waitFor('the way back', () => starts(node) === 'abbba', { timeoutMs: 30_000, everyMs: 10 });
    expect(node.json('data/last-rollback.json')).toMatchObject({ cause: 'boots', signal: 'SIGKILL' });
  });

  it('that is committed in time stays, past every deadline', async () => {
    const { node, deps } = await start('good');
    await activate(deps, { ...update, healthTimeoutMs: 8000, trialMs: 8000 });
    await healthyOn(node, bad);
    expect(await commit(deps, update)).toMatchObject({ changed: true, installed: bad, trial: null });
    expect(await commit(deps, update)).toMatchObject({ changed: false, installed: bad });
    const until = systemClock.nowMs() + 8500;
    await waitFor('the deadline to pass', () => systemClock.nowMs() > until, { timeoutMs: 20_000 });
    expect([node.runs(), starts(node), node.has('dist.bak')]).toEqual([bad, 'ab', false]);
  });

  it('is rolled back at a word, and a second word changes nothing', async () => {
    const { node, deps } = await start('good');
    await activate(deps, update);
    await healthyOn(node, bad);
    expect(await rollback(deps, { updateId: 'u1', epoch: 5, why: 'join failed' })).toMatchObject({
      changed: true,
      installed: good,
    });
    await healthyOn(node, good);
    expect(await rollback(deps, { updateId: 'u1', epoch: 5 })).toMatchObject({ changed: false });
    expect(node.json('data/last-rollback.json')).toMatchObject({ cause: 'leader', why: 'join failed' });
  });

  it('with a file that turns to garbage goes back within the poll', async () => {
    const { node, deps } = await start('good');
    await activate(deps, update);
    await healthyOn(node, bad);
    writeFileSync(join(node.base, 'trial.json'), 'garbage');
    await waitFor('the way back', () => starts(node) === 'aba', { timeoutMs: 30_000 });
    expect(node.runs()).toBe(good);
  });

  it('goes back though the guard of the known-good release is broken', async () => {
    const { node, deps, output } = await start('crash');
    for (const hash of [good, bad]) writeFileSync(join(node.base, `releases/${hash}/guard.js`), '');
    await activate(deps, update);
    await waitFor('the way back', () => starts(node).startsWith('abbba'), { timeoutMs: 40_000 });
    expect(node.runs()).toBe(good);
    expect(output()).toContain('a guard whose release is not whole is not asked');
  });

  it('whose known-good release is changed meanwhile ends on the one committed before it, and the evidence says so (P7)', async () => {
    const { node, deps, output } = await start('crash');
    for (const hash of [old, good]) noteCommitted(node.base, hash, 'x');
    appendFileSync(join(node.base, `releases/${good}/letter.txt`), ' ');
    await activate(deps, update);
    await waitFor('the way back', () => starts(node).startsWith('abbbc'), { timeoutMs: 40_000 });
    await healthyOn(node, old);
    expect(node.runs(), output()).toBe(old);
    expect(node.json('data/last-rollback.json')).toMatchObject({ release: bad, knownGood: old });
    expect(node.json('data/last-rollback.json').why).toContain(`releases/${good} is not whole`);
    expect(node.json('data/damaged.json')).toMatchObject({ releases: [{ release: good }] });
  });

  it('whose known-good release is changed, and no other one is whole, ends on it marked damaged (P7)', async () => {
    const { node, deps } = await start('crash');
    appendFileSync(join(node.base, `releases/${good}/guard.js`), ' ');
    await activate(deps, update);
    await waitFor('the way back', () => starts(node).startsWith('abbba'), { timeoutMs: 40_000 });
    await healthyOn(node, good);
    expect(node.json('data/damaged.json')).toMatchObject({ releases: [{ release: good }] });
    expect(node.json('data/last-rollback.json').why).toContain('runs all the same');
  });
});

describe('the supervisor', () => {
  it('starts a daemon again that ended with 0 unasked, and slows down', async () => {
    const node = fakeNode(guardFile);
    node.addRelease(good, 'quits');
    supervise(node);
    await waitFor('four starts', () => starts(node).length >= 4, { timeoutMs: 30_000 });
    expect(starts(node)).toMatch(/^a+$/);
  });

  it('tells what it runs, restarts and stops at a word, and ends with 0', async () => {
    const { node, child } = await start('good');
    const client = createSupervisorClient(node.base);
    const before = await client.status();
    expect(before).toMatchObject({ pid: child.pid, state: 'running', release: good, starts: 1 });
    expect(statSync(join(node.base, 'run/supervisor.sock')).mode & 0o777).toBe(0o600);
    await createSupervisorServiceManager(node.base).requestRestart('test');
    await waitFor('another daemon', () => starts(node) === 'aa', { timeoutMs: 10_000 });
    await waitFor('its status', async () => (await client.status()).starts === 2, { timeoutMs: 10_000 });
    await client.stop();
    expect(await ended(child)).toBe(0);
    await expect(client.status()).rejects.toMatchObject({ code: 'service-manager' });
    expect(node.has('run/supervisor.sock') || node.has('run/daemon.json')).toBe(false);
  });

  it('stops its daemon at SIGTERM, hung or not, and ends with 0', async () => {
    const node = fakeNode(guardFile);
    node.addRelease(good, 'hang');
    const { child } = supervise(node, { stopTimeoutMs: 300 });
    await waitFor('the start', () => starts(node) === 'a' && daemonPid(node) !== null, { timeoutMs: 20_000 });
    const daemon = daemonPid(node) ?? 0;
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(0);
    expect(alive(daemon)).toBe(false);
  });

  it('leaves no child of a killed daemon behind', async () => {
    const node = fakeNode(guardFile);
    node.addRelease(good, 'with-child');
    supervise(node);
    await healthyOn(node, good);
    const orphan = Number(node.read('child.pid'));
    process.kill(daemonPid(node) ?? 0, 'SIGKILL');
    await waitFor('a second start', () => starts(node) === 'aa', { timeoutMs: 20_000 });
    expect(alive(orphan)).toBe(false);
  });

  it('ends what a killed supervisor left behind before it starts anything', async () => {
    const node = fakeNode(guardFile);
    node.addRelease(good, 'with-child');
    const first = supervise(node);
    await healthyOn(node, good);
    const left = [daemonPid(node) ?? 0, Number(node.read('child.pid'))];
    first.child.kill('SIGKILL');
    await ended(first.child);
    expect(left.map(alive)).toEqual([true, true]);
    supervise(node);
    await waitFor('a second start', () => starts(node) === 'aa', { timeoutMs: 30_000 });
    expect(left.map(alive)).toEqual([false, false]);
  });

  it('leaves a stranger alone who has the pid of an old daemon', async () => {
    const node = fakeNode(guardFile);
    const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    writeFileSync(
      join(node.base, 'run/daemon.json'),
      JSON.stringify({ pid: stranger.pid, startTime: '1', bootId: 'x' }),
    );
    supervise(node);
    await healthyOn(node, good);
    expect(alive(stranger.pid ?? 0)).toBe(true);
    stranger.kill('SIGKILL');
  });

  it('refuses a base that has one, and says who', async () => {
    const { node, child } = await start('good');
    const second = supervise(node);
    expect(await ended(second.child)).toBe(3);
    expect(second.output()).toContain(`process ${child.pid} supervises ${node.base}`);
    expect((await createSupervisorClient(node.base).status()).pid).toBe(child.pid);
  });

  it('can be spoken to below a path longer than a socket address', async () => {
    const root = mkdtempSync(join(tmpdir(), 'long-'));
    const base = join(root, 'x'.repeat(120));
    mkdirSync(base);
    const node = fakeNode(guardFile, base);
    const { child } = supervise(node);
    await healthyOn(node, good);
    expect((await createSupervisorClient(base).status()).release).toBe(good);
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(0);
    rmSync(root, { recursive: true });
  });

  it('arms nothing where there is no trial, and does not say that it did', async () => {
    const { node } = await start('good');
    await expect(createSupervisorServiceManager(node.base).armTrial()).rejects.toMatchObject({
      code: 'service-manager',
    });
    await createSupervisorServiceManager(node.base).disarmTrial();
  });

  it('waits, and says so, on a base with nothing to run, and starts what is put there', async () => {
    const node = fakeNode(guardFile);
    rmSync(join(node.base, 'releases'), { recursive: true });
    supervise(node);
    await waitFor('its word', async () => (await createSupervisorClient(node.base).status()).state === 'stuck', {
      timeoutMs: 20_000,
    });
    node.addRelease(good, 'good');
    await healthyOn(node, good);
  });
});
