/** Real supervisors of fake nodes for the tests: started, spoken to, and all of it gone afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { createSupervisorServiceManager } from '../../src/host/managers/supervisor/manager.ts';
import type { VerbDeps } from '../../src/host/verbs.ts';
import { processesUsing } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { bad, bundle, type FakeNode, fakeNode, good } from './fake-node.ts';

export interface Supervised {
  node: FakeNode;
  child: ChildProcess;
  deps: VerbDeps;
  output(): string;
}

export interface SupervisorLab {
  guardFile: string;
  /** The bundled driver: a supervisor that can be put into a release, too. */
  driver: string;
  supervise(node: FakeNode, options?: object, from?: { script?: string; env?: Record<string, string> }): Supervised;
  /** A supervised node, healthy on its good release, with this bad one beside it. */
  start(behaviour: Parameters<FakeNode['addRelease']>[1], options?: object): Promise<Supervised>;
  /** After each test: ends everything that the nodes still have, and removes them. */
  clean(): Promise<void>;
  /** After all of them. */
  remove(): void;
}

export function supervisorLab(): SupervisorLab {
  const bundles = mkdtempSync(join(tmpdir(), 'bundles-'));
  const guardFile = bundle('../../src/trial/guard-main.ts', bundles);
  const driver = bundle('supervise-driver.ts', bundles);
  const running: { child: ChildProcess; node: FakeNode }[] = [];
  const lab: SupervisorLab = {
    guardFile,
    driver,
    supervise(node, options = {}, { script = driver, env = {} } = {}) {
      const child = spawn(process.execPath, [script, node.base, JSON.stringify(options)], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk) => {
          output += String(chunk);
        });
      }
      running.push({ child, node });
      return { node, child, deps: verbDeps(node), output: () => output };
    },
    async start(behaviour, options = {}) {
      const node = fakeNode(guardFile);
      node.addRelease(bad, behaviour);
      const supervised = lab.supervise(node, options);
      await healthyOn(node, good);
      return supervised;
    },
    async clean() {
      const all = running.splice(0);
      // Every supervisor first: two of them may have had the same node.
      for (const { child } of all) {
        child.kill('SIGTERM');
        await ended(child);
      }
      for (const { node } of all) {
        // Whatever the test made of its supervisors, they and their daemon go.
        for (let round = 0; round < 20 && processesUsing(node.base).length > 0; round += 1) {
          for (const { pid } of processesUsing(node.base)) kill(pid);
          await waitFor('them to be gone', () => processesUsing(node.base).length === 0, { timeoutMs: 500 }).catch(
            () => {},
          );
        }
        node.remove();
      }
    },
    remove: () => rmSync(bundles, { recursive: true, force: true }),
  };
  return lab;
}

function verbDeps(node: FakeNode): VerbDeps {
  return {
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
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((done) => child.once('exit', (code) => done(code)));
}

export const daemonPid = (node: FakeNode): number | null =>
  node.has('run/daemon.json') ? Number(node.json('run/daemon.json').pid) : null;

export const healthyOn = (node: FakeNode, hash: string): Promise<true> =>
  waitFor(
    `healthy on ${hash[0]}`,
    () => node.has('run/healthy.json') && node.json('run/healthy.json').release === hash,
    { timeoutMs: 30_000, everyMs: 20 },
  ) as Promise<true>;

/** One letter for each start of a daemon: that of its release. */
export const starts = (node: FakeNode): string => node.read('starts.txt') ?? '';

export const update = { release: bad, updateId: 'u1', epoch: 5 };
