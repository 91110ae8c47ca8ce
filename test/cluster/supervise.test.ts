/** The supervisor with real processes: fake daemons that behave as told, the real guard, the real socket. */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { createSupervisorClient, createSupervisorServiceManager } from '../../src/host/managers/supervisor/manager.ts';
import { activate, commit, rollback } from '../../src/host/verbs.ts';
import { noteCommitted } from '../../src/release/committed.ts';
import { alive } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { bad, type FakeNode, fakeNode, good, mountSmall, old } from './fake-node.ts';
import {
  daemonPid,
  ended,
  healthyOn,
  type Supervised,
  type SupervisorLab,
  starts,
  supervisorLab,
  update,
} from './supervised.ts';

let lab: SupervisorLab;
let guardFile = '';
beforeAll(() => {
  lab = supervisorLab();
  guardFile = lab.guardFile;
});
afterAll(() => lab.remove());
afterEach(() => lab.clean());

const supervise = (node: FakeNode, options: object = {}): Supervised => lab.supervise(node, options);
const start: SupervisorLab['start'] = (behaviour, options = {}) => lab.start(behaviour, options);

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

describe('a committed release that rots at rest', () => {
  it('so that it does not start makes room for the one committed before it, with nobody asked (P2, P7)', async () => {
    const { node, output } = await start('good');
    for (const hash of [old, good]) noteCommitted(node.base, hash, 'x');
    truncateSync(join(node.base, `releases/${good}/index.js`));
    process.kill(daemonPid(node) ?? 0, 'SIGKILL');
    await healthyOn(node, old);
    expect([node.runs(), starts(node)], output()).toEqual([old, 'ac']);
    expect(node.json('data/damaged.json')).toMatchObject({ releases: [{ release: good }] });
    expect(output()).toContain(`releases/${old} takes its place`);
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

  it('of a build that does not start ends at the healthy deadline, however long the next start would be put off', async () => {
    const { node, deps } = await start('crash', { backoffMinMs: 600_000, backoffMaxMs: 600_000 });
    await activate(deps, { ...update, healthTimeoutMs: 4000, trialMs: 60_000 });
    await waitFor('the way back', () => starts(node) === 'aba', { timeoutMs: 30_000, everyMs: 10 });
    await healthyOn(node, good);
    expect(node.json('data/last-rollback.json').cause).toBe('healthy-deadline');
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

/** A supervised node whose supervisor cannot read what is named. */
async function withFailingReads(behaviour: Parameters<FakeNode['addRelease']>[1]) {
  const node = fakeNode(guardFile);
  node.addRelease(bad, behaviour);
  const list = join(node.base, 'failing');
  writeFileSync(list, '');
  const supervised = lab.supervise(node, {}, { env: { FAILING_READS: list } });
  await healthyOn(node, good);
  const fail = (...names: string[]): void => {
    writeFileSync(`${list}.new`, names.map((name) => `${join(node.base, name)}\n`).join(''));
    renameSync(`${list}.new`, list);
  };
  return { ...supervised, fail };
}

describe('on a disk that fails', () => {
  it('a trial file that gives EIO is no end of the supervisor: it says so, and arms nothing that it cannot see', async () => {
    const { node, child, fail, output } = await withFailingReads('good');
    fail('trial.json');
    await expect(createSupervisorServiceManager(node.base).armTrial()).rejects.toMatchObject({
      code: 'service-manager',
      message: expect.stringContaining('EIO'),
    });
    fail();
    expect((await createSupervisorClient(node.base).status()).pid, output()).toBe(child.pid);
    expect([starts(node), child.exitCode]).toEqual(['a', null]);
  });

  it('a trial whose progress gives EIO still ends: the guard is asked, and the supervisor stays', async () => {
    const { node, child, deps, fail, output } = await withFailingReads('hang');
    await activate(deps, { ...update, healthTimeoutMs: 5000, trialMs: 60_000 });
    await waitFor('the start', () => starts(node) === 'ab', { timeoutMs: 20_000 });
    fail('trial.progress.json');
    await waitFor('the way back', () => starts(node) === 'aba', { timeoutMs: 30_000 });
    await healthyOn(node, good);
    expect(node.json('data/last-rollback.json').cause).toBe('healthy-deadline');
    expect(child.exitCode, output()).toBeNull();
    expect(output()).toContain('the trial of this base cannot be read');
  });

  it('a full one neither keeps it from its start nor ends it', async (context) => {
    const dir = mkdtempSync(join(tmpdir(), 'small-'));
    const mount = mountSmall(dir, '3m');
    if (mount === null) return context.skip();
    try {
      const base = join(dir, 'n1');
      mkdirSync(base);
      const node = fakeNode(guardFile, base);
      // Full to the last block and inode: not even an empty file can be made.
      for (let size = 1 << 20; size > 0; size >>= 1) fillWith(base, size);
      const { child, output } = supervise(node);
      await waitFor('the start', () => output().includes('guard '), { timeoutMs: 20_000 });
      for (const name of node.files('filler')) rmSync(join(base, name));
      await healthyOn(node, good);
      await waitFor('its socket', () => createSupervisorClient(base).status(), { timeoutMs: 20_000 });
      expect([child.exitCode, output().includes('cannot be taken; the supervisor goes on')]).toEqual([null, true]);
      child.kill('SIGTERM');
      expect(await ended(child)).toBe(0);
    } finally {
      mount.unmount();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('without its base directory', () => {
  it('supervisor and daemon end, and say why, and nothing is made in its place', async () => {
    const { node, child, output } = await start('good', { goneAfterMs: 1500, pollMs: 100 });
    const daemon = daemonPid(node) ?? 0;
    rmSync(node.base, { recursive: true });
    expect(await ended(child)).toBe(5);
    expect(alive(daemon)).toBe(false);
    expect(output()).toContain('the base directory of this node is gone');
    expect(node.has('.')).toBe(false);
  });

  it('that comes back in time nothing was ended', async () => {
    const { node, child, output } = await start('good', { goneAfterMs: 60_000, pollMs: 100 });
    const daemon = daemonPid(node) ?? 0;
    renameSync(node.base, `${node.base}.away`);
    await waitFor('its word', () => output().includes('the base directory is missing'), { timeoutMs: 10_000 });
    renameSync(`${node.base}.away`, node.base);
    await waitFor('its relief', () => output().includes('over: the base directory is missing'), { timeoutMs: 10_000 });
    expect([alive(daemon), child.exitCode, starts(node)]).toEqual([true, null, 'a']);
    expect((await createSupervisorClient(node.base).status()).daemonPid).toBe(daemon);
  });

  it('in whose place somebody put another one it leaves that one alone', async () => {
    const { node, child } = await start('good', { goneAfterMs: 1500, pollMs: 100 });
    const daemon = daemonPid(node) ?? 0;
    const moved = `${node.base}.moved`;
    renameSync(node.base, moved);
    mkdirSync(node.base);
    expect(await ended(child)).toBe(5);
    expect([alive(daemon), node.files('')]).toEqual([false, []]);
    rmSync(moved, { recursive: true });
  });
});

function fillWith(base: string, size: number): void {
  for (let index = 0; ; index += 1) {
    try {
      writeFileSync(join(base, `filler-${size}-${index}`), Buffer.alloc(size));
    } catch {
      return;
    }
  }
}
