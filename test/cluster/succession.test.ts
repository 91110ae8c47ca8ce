/** A supervisor is taken over from by the one of the release that is installed now; the daemon runs on (docs/adr/0018). */
import { copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { nodePaths } from '../../src/base/paths.ts';
import { createSupervisorClient, createSupervisorServiceManager } from '../../src/host/managers/supervisor/manager.ts';
import type { SupervisorStatus } from '../../src/host/managers/supervisor/socket.ts';
import { activate, commit } from '../../src/host/verbs.ts';
import { alive } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { bad, type FakeNode, fakeNode, good, old } from './fake-node.ts';
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

/** Short, for what is waited for here is waited for in vain. */
const options = { pollMs: 100, readyMs: 3000, takeOverMs: 2000 };

let lab: SupervisorLab;
beforeAll(() => {
  lab = supervisorLab();
});
afterAll(() => lab.remove());
afterEach(() => lab.clean());

/** A node whose supervisor is from its installed release, with this code for the supervisor of the next one. */
async function begin(next: { script: string } | { source: string }): Promise<Supervised> {
  const node = fakeNode(lab.guardFile);
  const supervisorOf = (hash: string): string => join(nodePaths(node.base).releases, hash, 'supervisor.js');
  for (const hash of [good, old]) copyFileSync(lab.driver, supervisorOf(hash));
  if ('script' in next) copyFileSync(next.script, supervisorOf(bad));
  else writeFileSync(supervisorOf(bad), next.source);
  const supervised = lab.supervise(node, options, { script: supervisorOf(good) });
  await healthyOn(node, good);
  return supervised;
}

async function updateTo({ node, deps }: Supervised, release = bad, updateId = 'u1'): Promise<void> {
  await activate(deps, { ...update, release, updateId });
  await healthyOn(node, release);
  await commit(deps, { updateId, epoch: update.epoch });
}

/** As the daemon does some time after the whole update has ended. */
const endProbation = (node: FakeNode): void => rmSync(nodePaths(node.base).probation);

const status = (node: FakeNode): Promise<SupervisorStatus> => createSupervisorClient(node.base).status();

const supervisedBy = (node: FakeNode, what: Partial<SupervisorStatus>): Promise<SupervisorStatus> =>
  waitFor(
    `a supervisor with ${JSON.stringify(what)}`,
    async () => {
      const said = await status(node);
      return Object.entries(what).every(([name, value]) => said[name as keyof SupervisorStatus] === value) && said;
    },
    { timeoutMs: 25_000, everyMs: 20 },
  );

/** Committed, past its probation, and taken over from. */
async function takenOver(): Promise<Supervised & { daemon: number; successor: number }> {
  const supervised = await begin({ script: lab.driver });
  await updateTo(supervised);
  const daemon = daemonPid(supervised.node) ?? 0;
  endProbation(supervised.node);
  const { pid } = await supervisedBy(supervised.node, { code: bad });
  return { ...supervised, daemon, successor: pid };
}

describe('the supervisor of the installed release', () => {
  it('takes over from the one before it; daemon and log go on, and not one request meets a closed door', async () => {
    const supervised = await begin({ script: lab.driver });
    const { node, child } = supervised;
    await updateTo(supervised);
    const daemon = daemonPid(node);
    let asked = 0;
    let stop = false;
    const asking = (async () => {
      for (; !stop; asked += 1) expect((await status(node)).daemonPid).toBe(daemon);
    })();
    endProbation(node);
    const after = await supervisedBy(node, { code: bad });
    stop = true;
    await asking;
    expect(asked).toBeGreaterThan(10);
    expect(after).toMatchObject({ daemonPid: daemon, release: bad, starts: 2, state: 'running' });
    expect(after.pid).not.toBe(child.pid);
    expect([starts(node), child.exitCode]).toEqual(['ab', null]);
  });

  it('waits for the end of trial and probation, for until then the known-good side watches', async () => {
    const supervised = await begin({ script: lab.driver });
    const { node, child } = supervised;
    await updateTo(supervised);
    const looks = { timeoutMs: 1500 };
    await expect(waitFor('nothing', async () => (await status(node)).code === bad, looks)).rejects.toThrow();
    expect(await status(node)).toMatchObject({ pid: child.pid, code: good });
    expect(supervised.output()).not.toContain('starting the supervisor of the release');
  });

  it('learns how the daemon ended that it never started, and starts it again', async () => {
    const { node, daemon } = await takenOver();
    process.kill(daemon, 'SIGKILL');
    await waitFor('another start', () => starts(node) === 'abb', { timeoutMs: 20_000 });
    expect(node.json('run/last-exit.json')).toMatchObject({ release: bad, pid: daemon, signal: 'SIGKILL' });
  });

  it('watches the deadlines of the next trial, and goes back', async () => {
    const { node, deps, successor } = await takenOver();
    node.addRelease(old, 'hang');
    await activate(deps, { ...update, release: old, updateId: 'u2', healthTimeoutMs: 4000, trialMs: 60_000 });
    await waitFor('the way back', () => starts(node) === 'abcb', { timeoutMs: 40_000 });
    await healthyOn(node, bad);
    expect(node.json('data/last-rollback.json')).toMatchObject({ updateId: 'u2', cause: 'healthy-deadline' });
    expect((await status(node)).pid).toBe(successor);
  });

  it('restarts the daemon at a word', async () => {
    const { node } = await takenOver();
    await createSupervisorServiceManager(node.base).requestRestart('test');
    await waitFor('another start', () => starts(node) === 'abb', { timeoutMs: 20_000 });
  });

  it.each(['a word', 'SIGTERM to the first one', 'SIGTERM to itself'])(
    'ends with the one before it at %s',
    async (how) => {
      const { node, child, daemon, successor } = await takenOver();
      if (how === 'a word') await createSupervisorClient(node.base).stop();
      else process.kill(how === 'SIGTERM to itself' ? successor : (child.pid ?? 0), 'SIGTERM');
      expect(await ended(child)).toBe(0);
      expect([daemon, successor].map(alive)).toEqual([false, false]);
      expect(['run/supervisor.sock', 'run/supervisor.lock', 'run/daemon.json'].map(node.has)).toEqual([
        false,
        false,
        false,
      ]);
    },
  );

  it('gives way to that of the next release', async () => {
    const supervised = await takenOver();
    const { node, child, successor } = supervised;
    await updateTo(supervised, old, 'u2');
    const daemon = daemonPid(node);
    endProbation(node);
    expect(await supervisedBy(node, { code: old })).toMatchObject({ daemonPid: daemon, release: old });
    await waitFor('its end', () => !alive(successor), { timeoutMs: 10_000 });
    expect([starts(node), child.exitCode]).toEqual(['abc', null]);
  });

  it('goes on when the one before it is killed, and is the one whom a second supervisor finds', async () => {
    const { node, child, daemon, successor } = await takenOver();
    child.kill('SIGKILL');
    await ended(child);
    const second = lab.supervise(node, options);
    expect(await ended(second.child)).toBe(3);
    expect(second.output()).toContain(`process ${successor} supervises ${node.base}`);
    process.kill(daemon, 'SIGKILL');
    await waitFor('another start', () => starts(node) === 'abb', { timeoutMs: 20_000 });
    expect(await status(node)).toMatchObject({ pid: successor, release: bad });
  });
});

const ready = `process.send({ t: 'ready' });`;
const beat = `process.send({ t: 'beat', withinMs: 1000, daemon: null, starts: 2 });`;
const onGo = (then: string): string => `process.on('message', (word) => { if (word.t === 'go') { ${then} } });`;

describe('a release whose supervisor is no good', () => {
  it.each([
    [
      'does not know the words of a hand-over',
      `console.error("error: unknown option '--take-over'"); process.exit(2);`,
    ],
    ['hangs before it is ready', 'setInterval(() => {}, 1000);'],
    ['ends at its first word', `${ready} ${onGo('process.exit(0);')}`],
    ['never takes over', `${ready} ${onGo('')} setInterval(() => {}, 1000);`],
    ['takes over and ends, as if all were well', `${ready} ${onGo(`${beat} setTimeout(() => process.exit(0), 300);`)}`],
    ['takes over and hangs', `${ready} ${onGo(beat)} setInterval(() => {}, 1000);`],
  ])('that %s changes nothing: the one before it supervises on', async (_, source) => {
    const supervised = await begin({ source });
    const { node, child, output } = supervised;
    await updateTo(supervised);
    const daemon = daemonPid(node);
    endProbation(node);
    const refusal = 'the supervisor of this release cannot take over';
    await waitFor('the refusal', () => output().includes(refusal), { timeoutMs: 20_000 });
    expect(await supervisedBy(node, { pid: child.pid ?? 0 }), output()).toMatchObject({
      daemonPid: daemon,
      code: good,
    });
    expect([starts(node), existsSync(nodePaths(node.base).supervisorSocket)]).toEqual(['ab', true]);
    process.kill(daemon ?? 0, 'SIGKILL');
    await waitFor('another start', () => starts(node) === 'abb', { timeoutMs: 20_000 });
    // Once is enough: it is not tried again.
    expect(output().split(refusal)).toHaveLength(2);
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(0);
  });

  it('that was killed is followed by the one before it, with the daemon that it had started', async () => {
    const { node, child, daemon, successor } = await takenOver();
    process.kill(daemon, 'SIGKILL');
    await waitFor('another start', () => starts(node) === 'abb', { timeoutMs: 20_000 });
    await healthyOn(node, bad);
    const its = daemonPid(node);
    process.kill(successor, 'SIGKILL');
    expect(await supervisedBy(node, { pid: child.pid ?? 0 })).toMatchObject({ daemonPid: its, release: bad });
    expect(starts(node)).toBe('abb');
    process.kill(its ?? 0, 'SIGKILL');
    await waitFor('another start', () => starts(node) === 'abbb', { timeoutMs: 20_000 });
    // Whose child it was is gone: how it ended is not known, and nothing is made up.
    expect(node.json('run/last-exit.json')).toMatchObject({ pid: its, exitCode: null, signal: null });
  });
});
