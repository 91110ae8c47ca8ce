/** Calls from one process of the simulated cluster to the agents of other nodes: over the network, as it is at that moment. */
import { ClusterError } from '../../src/errors.ts';
import { readNodeHealth } from '../../src/grpc/documents.ts';
import type { AgentClient, ClientPool, NodeHealth } from '../../src/ports/agent.ts';
import { ownError } from './own-error.ts';
import { countCall, createBatch, type Proc } from './scheduler.ts';
import type { Daemon, Host, World } from './types.ts';

type Batch = ReturnType<typeof createBatch>;

export function clientPoolOf(world: World, proc: Proc): ClientPool {
  const { net, sched } = world;
  const batch = createBatch(sched, () => net.latencyMs() + net.latencyMs());
  const client = (host: Host): AgentClient => ({
    healthCheck: (timeoutMs) =>
      quickLook(world, proc, host, batch) ??
      call(world, proc, host, timeoutMs, '', (daemon, answer) => {
        const read = healthOf(world, daemon);
        answer(read);
      }),
    drain: (draining, updateId, epoch) =>
      call(world, proc, host, 5_000, 'drain', (daemon, answer) => {
        const { side } = daemon;
        const drained = world.sched.as(daemon.proc, () => side.answerDrain(world, daemon, draining, updateId, epoch));
        void drained.then((value) => answer(() => off(value)));
      }),
    executeTask: (task) =>
      call(world, proc, host, task.timeoutMs + 5_000, task.argv[2] ?? '', (daemon, answer) =>
        daemon.side.answerTask(world, daemon, task, (value) => answer(() => off(value))),
      ),
  });
  const clients = new Map(world.hosts.map((host) => [host.address, client(host)]));
  return {
    getConnection: (address) => {
      const found = clients.get(address);
      if (found === undefined) throw new ClusterError('not-found', `no node at ${address}`);
      return found;
    },
    closeConnection: () => undefined,
  };
}

/** The answer of now; what it says is read where it arrives, which is a matter of text between versions. */
function healthOf(world: World, daemon: Daemon): () => NodeHealth {
  const health = world.sched.as(daemon.proc, () => daemon.side.answerHealth(world, daemon));
  if (!globalThis.simMixed) return () => health;
  const text = JSON.stringify(health);
  return () => readNodeHealth(text, daemon.host.address);
}

/** What comes off the wire: a value as text has it, an error of our own. */
function off<T>(value: () => T): T {
  if (!globalThis.simMixed) return value();
  try {
    return JSON.parse(JSON.stringify(value())) as T;
  } catch (thrown) {
    throw ownError(thrown);
  }
}

/** A look at a node that answers at once, in one event, where nothing can get lost on the way. */
function quickLook(world: World, proc: Proc, host: Host, batch: Batch): Promise<NodeHealth> | null {
  const { net } = world;
  if (net.loss > 0 || net.delay > 0 || net.blocked.size > 0) return null;
  if (host.daemon === null || host.daemon.proc.frozenUntil > 0) return null;
  countCall(proc);
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const { daemon } = host;
      if (daemon === null || !daemon.listening) {
        reject(new ClusterError('unavailable', `connection to ${host.id} refused`));
      } else resolve(healthOf(world, daemon)());
    };
    batch(proc, look);
  });
}

/** Carries a call to the daemon that listens there when it arrives; a frozen one gets it when it wakes up. */
function call<T>(
  world: World,
  proc: Proc,
  host: Host,
  timeoutMs: number,
  command: string,
  serve: (daemon: Daemon, answer: (value: () => T) => void) => void,
): Promise<T> {
  countCall(proc);
  const arrive = (answer: (value: () => T) => void, refuse: () => void, hang: () => void): void => {
    const daemon = host.daemon;
    if (!host.up) {
      hang();
      return;
    }
    if (daemon === null || !daemon.listening) {
      refuse();
      return;
    }
    // A process that ends resets its connections; a host without power says nothing.
    const broken = (): void => (host.up ? refuse() : hang());
    daemon.broken.add(broken);
    const alive = (value: () => T): void => {
      daemon.broken.delete(broken);
      if (!daemon.proc.dead) answer(value);
    };
    if (daemon.proc.frozenUntil > world.sched.now()) {
      hang();
      world.sched.after(daemon.proc, 0, () => serve(daemon, alive));
      return;
    }
    serve(daemon, alive);
  };
  return world.net.call<T>(proc, host.id, timeoutMs, arrive, command);
}
