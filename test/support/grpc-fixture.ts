/** A server on a free port with everything behind it faked, and a CA to make friends and strangers with. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Control } from '../../src/cluster/control/control-api.ts';
import { type AgentDeps, createAgentService } from '../../src/grpc/agent-service.ts';
import { type Ca, createCa, issueCert } from '../../src/grpc/ca.ts';
import type { Role } from '../../src/grpc/identity.ts';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/server.ts';
import { type Tls, tlsFromPem } from '../../src/grpc/tls.ts';
import { createTaskRegistry, type TaskRegistry } from '../../src/host/tasks/registry.ts';
import type { NodeHealth } from '../../src/ports/agent.ts';
import type { Logger } from '../../src/ports/logger.ts';
import { removeDir } from './temp.ts';

const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

export async function tlsFor(ca: Ca, role: Role, name: string): Promise<Tls> {
  const issued = await issueCert(ca, { role, name, days: 1 });
  return tlsFromPem({ ca: ca.certPem, cert: issued.certPem, key: issued.keyPem });
}

export const health: NodeHealth = {
  nodeId: 'n1',
  service: 'claudecluster',
  incarnation: 'i1',
  healthy: true,
  reasons: [],
  release: { buildHash: 'a'.repeat(64), version: '1.0.0', gitCommit: 'abc' },
  installed: 'a'.repeat(64),
  trial: null,
  lastRollback: null,
  staged: [],
  epoch: 3,
  appliedIndex: 42,
  draining: false,
  runningTasks: 0,
  diskFreeBytes: 1,
  heartbeatMs: 1000,
};

/** Refuses everything that a test does not replace. */
function fakeControl(parts: Partial<Control> = {}): Control {
  const no = (): never => {
    throw new Error('not in this test');
  };
  return {
    status: no,
    plan: no,
    start: no,
    watch: no,
    listUpdates: no,
    getUpdate: no,
    controlUpdate: no,
    listReleases: no,
    setQuarantine: no,
    approveNode: no,
    ...parts,
  };
}

export interface Fixture {
  ca: Ca;
  base: string;
  node: Tls;
  tasks: TaskRegistry;
  /** Starts a server; it is stopped with the fixture. */
  serve(options?: {
    listen?: string;
    tls?: Tls;
    control?: Partial<Control>;
    agent?: Partial<AgentDeps>;
  }): Promise<GrpcServer>;
  close(): Promise<void>;
}

export async function createFixture(): Promise<Fixture> {
  const base = mkdtempSync(join(tmpdir(), 'grpc-'));
  const ca = await createCa('c1');
  const node = await tlsFor(ca, 'node', 'n1');
  const tasks = createTaskRegistry({ base, ownArgv: ['echo', 'own'], nodeId: 'n1' });
  const servers: GrpcServer[] = [];
  return {
    ca,
    base,
    node,
    tasks,
    serve: async (options = {}) => {
      const agent = createAgentService({
        base,
        tasks,
        health: () => health,
        drain: ({ draining }) => ({ runningTasks: tasks.drain(draining) }),
        serveRsync: async () => ({ exitCode: 0, stderr: '' }),
        finishPush: async () => {},
        logger: silentLogger,
        ...options.agent,
      });
      const server = await createGrpcServer({
        listen: options.listen ?? '127.0.0.1:0',
        tls: options.tls ?? node,
        agent,
        control: fakeControl(options.control),
        logger: silentLogger,
      });
      servers.push(server);
      return server;
    },
    close: async () => {
      await tasks.endAll({ verbs: true });
      await Promise.all(servers.map((server) => server.stop(0)));
      removeDir(base);
    },
  };
}
