/** The wire with real TLS, real processes and real connections: what P9 says, and what breaks on networks. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import { Client, Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { freePorts } from '../../src/cli/dev/ports.ts';
import type { UpdateEvent } from '../../src/cluster/update/event.ts';
import { ClusterError } from '../../src/errors.ts';
import { createCa } from '../../src/grpc/ca.ts';
import { createChannel } from '../../src/grpc/channel.ts';
import { GrpcClientPool } from '../../src/grpc/client-pool.ts';
import { createControlClient } from '../../src/grpc/control-client.ts';
import { fromStatus } from '../../src/grpc/errors.ts';
import { loadProto } from '../../src/grpc/proto.ts';
import { loadStandardProtos } from '../../src/grpc/standard-protos.ts';
import { channelCredentials, type Tls } from '../../src/grpc/tls.ts';
import { openTransferPipe } from '../../src/grpc/transfer-client.ts';
import type { TaskRegistry } from '../../src/host/tasks/registry.ts';
import { createFixture, type Fixture, health, tlsFor } from '../support/grpc-fixture.ts';
import { alive } from '../support/processes.ts';

let fixture: Fixture;
const closers: (() => void)[] = [];
beforeEach(async () => {
  fixture = await createFixture();
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await fixture.close();
});

function poolFor(tls: Tls): GrpcClientPool {
  const pool = new GrpcClientPool({ tls, callTimeoutMs: 5000 });
  closers.push(() => pool.closeAll());
  return pool;
}
const task = (argv: string[], timeoutMs = 10_000) => ({ argv, timeoutMs });
const until = (condition: () => boolean) => expect.poll(condition, { timeout: 20_000, interval: 10 }).toBe(true);
const elapsedMs = (sinceNs: bigint): number => Number(process.hrtime.bigint() - sinceNs) / 1e6;
/** For a poll: true when the number has not changed since the last look, a quarter of a second ago or more. */
const standsStill = (value: () => number): (() => boolean) => {
  let before = -1;
  let sinceNs = process.hrtime.bigint();
  return () => {
    const now = process.hrtime.bigint();
    if (value() !== before) {
      before = value();
      sinceNs = now;
    }
    return now - sinceNs > 250_000_000n;
  };
};
const pidIn = (name: string): number => {
  try {
    return Number(readFileSync(join(fixture.base, name), 'utf8'));
  } catch {
    return 0;
  }
};

describe('mutual TLS (P9)', () => {
  it('serves not one byte to a caller without a certificate', async () => {
    const { address } = await fixture.serve();
    const [host, port] = address.split(':');
    const bytes = await new Promise<number>((resolve) => {
      let received = 0;
      const socket = connectTls({
        host: host ?? '',
        port: Number(port),
        ca: fixture.ca.certPem,
        ALPNProtocols: ['h2'],
      });
      // With TLS 1.3 our side of the handshake is done before the server has missed the certificate: ask at once.
      socket.on('secureConnect', () => {
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
        socket.write(Buffer.from('000000040000000000', 'hex'));
      });
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(received));
    });
    expect(bytes).toBe(0);
  });

  it('does not serve a certificate of a foreign CA, even for the same cluster id', async () => {
    const { address } = await fixture.serve();
    const foreign = await createCa('c1');
    const stranger = { ...(await tlsFor(foreign, 'node', 'n1')), ca: fixture.node.ca };
    await expect(poolFor(stranger).getConnection(address).healthCheck(3000)).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('refuses a certificate of another cluster under the same CA, and dials no node of it', async () => {
    const { address } = await fixture.serve();
    const other = await tlsFor({ ...fixture.ca, clusterId: 'c2' }, 'node', 'n1');
    // The caller's own check would stop it before the server has its say, so it is taken out here.
    const careless = new Client(address, channelCredentials({ ...other, identity: fixture.node.identity }));
    closers.push(() => careless.close());
    const method = loadProto().agent.HealthCheck;
    const refused = await new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = method;
      careless.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, new Metadata(), {}, resolve);
    });
    expect(fromStatus(refused, address)).toMatchObject({ code: 'denied', detail: { seen: 'c2', wanted: 'c1' } });
    await expect(poolFor(other).getConnection(address).healthCheck(3000)).rejects.toThrow(
      /belongs to cluster c1, not to c2/,
    );
  });

  it('dials nothing that is not a node', async () => {
    const { address } = await fixture.serve({ tls: await tlsFor(fixture.ca, 'operator', 'mallory') });
    await expect(poolFor(fixture.node).getConnection(address).healthCheck(3000)).rejects.toThrow(/operator mallory/);
  });

  it('lets a viewer look and not act; nothing of a denied task is run', async () => {
    const { address } = await fixture.serve();
    const viewer = poolFor(await tlsFor(fixture.ca, 'viewer', 'tv')).getConnection(address);
    await expect(viewer.healthCheck(3000)).resolves.toEqual(health);
    await expect(viewer.executeTask(task(['touch', 'was-here']))).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('viewer tv may not call'),
      detail: { wanted: 'role node or operator' },
    });
    await expect(viewer.drain(true, 'u1', 1)).rejects.toMatchObject({ code: 'denied' });
    expect(() => readFileSync(join(fixture.base, 'was-here'))).toThrow();
    expect(fixture.tasks.draining()).toBe(false);
  });

  it('lets an operator run tasks but not drain, which takes an epoch', async () => {
    const { address } = await fixture.serve();
    const operator = poolFor(await tlsFor(fixture.ca, 'operator', 'ann')).getConnection(address);
    await expect(operator.executeTask(task(['true']))).resolves.toMatchObject({ exitCode: 0 });
    await expect(operator.drain(true, 'u1', 1)).rejects.toMatchObject({ code: 'denied' });
  });
});

describe('ExecuteTask', () => {
  it('gives back exit code, signal, timeout and what could not start', async () => {
    const { address } = await fixture.serve();
    const agent = poolFor(fixture.node).getConnection(address);
    expect(await agent.executeTask(task(['sh', '-c', 'echo o; echo e >&2; exit 3']))).toEqual({
      exitCode: 3,
      signal: null,
      timedOut: false,
      stdout: 'o\n',
      stderr: 'e\n',
    });
    expect(await agent.executeTask(task(['sh', '-c', 'kill -9 $$']))).toMatchObject({
      exitCode: null,
      signal: 'SIGKILL',
    });
    expect(await agent.executeTask(task(['sleep', '60'], 200))).toMatchObject({ signal: 'SIGTERM', timedOut: true });
    expect(await agent.executeTask(task(['claudecluster', 'node']))).toMatchObject({ stdout: 'own node\n' });
    await expect(
      agent.executeTask({ ...task(['no-such-program']), env: { PATH: '/usr/bin:/bin' } }),
    ).rejects.toMatchObject({
      code: 'not-found',
      detail: { seen: expect.stringContaining('ENOENT') },
    });
    await expect(agent.executeTask(task([]))).rejects.toMatchObject({ code: 'usage' });
  });

  it('passes every byte in and out', async () => {
    const { address } = await fixture.serve();
    const stdin = randomBytes(3 << 20);
    const got: Uint8Array[] = [];
    const result = await poolFor(fixture.node)
      .getConnection(address)
      .executeTaskStream(
        { ...task(['cat']), stdin },
        { onStdout: (chunk) => void got.push(chunk), onStderr: () => {} },
      );
    expect(result).toEqual({ exitCode: 0, signal: null, timedOut: false });
    expect(Buffer.concat(got).equals(stdin)).toBe(true);
  });

  it('holds 50 MB back while the reader is slow, in bounded memory, and delivers all of it', async () => {
    let produced = 0;
    const counting: TaskRegistry = {
      ...fixture.tasks,
      run: (request, io) => {
        const onStdout = (chunk: Uint8Array): void | Promise<void> => {
          produced += chunk.length;
          return io.onStdout(chunk);
        };
        return fixture.tasks.run(request, { ...io, onStdout });
      },
    };
    const { address } = await fixture.serve({ agent: { tasks: counting } });
    let bytes = 0;
    let mostUnderWay = 0;
    let chunks = 0;
    await poolFor(fixture.node)
      .getConnection(address)
      .executeTaskStream(task(['head', '-c', '50000000', '/dev/zero'], 60_000), {
        onStdout: async (chunk) => {
          // The first chunk is kept until the node has stopped sending; without back-pressure it would send all.
          if (chunks === 0) await until(standsStill(() => produced));
          if (chunks % 50 === 0) await new Promise((later) => setTimeout(later, 1));
          chunks += 1;
          mostUnderWay = Math.max(mostUnderWay, produced - bytes);
          bytes += chunk.length;
        },
        onStderr: () => {},
      });
    expect(bytes).toBe(50_000_000);
    expect(mostUnderWay).toBeLessThan(6_000_000);
  });

  it('keeps the last 4 MiB of what is collected', async () => {
    const { address } = await fixture.serve();
    const agent = poolFor(fixture.node).getConnection(address);
    const { stdout } = await agent.executeTask(
      task(['sh', '-c', 'head -c 9000000 /dev/zero | tr "\\0" x; echo; echo last words']),
    );
    expect(stdout.length).toBe(4 * 1024 * 1024);
    expect(stdout.endsWith('x\nlast words\n')).toBe(true);
  });

  it('kills the whole group when the caller cancels, and when the connection is closed under it', async () => {
    const { address } = await fixture.serve();
    const pool = poolFor(fixture.node);
    const script = (name: string) => ['sh', '-c', `sleep 60 & echo $! > ${name}; wait`];
    const caller = new AbortController();
    const cancelled = pool.getConnection(address).executeTask(task(script('one'), 60_000), { signal: caller.signal });
    const cut = pool.getConnection(address).executeTask(task(script('two'), 60_000));
    const outcomes = Promise.allSettled([cancelled, cut]);
    await until(() => pidIn('one') > 0 && pidIn('two') > 0);
    caller.abort();
    await until(() => !alive(pidIn('one')));
    expect(alive(pidIn('two'))).toBe(true);
    pool.closeConnection(address);
    await until(() => !alive(pidIn('two')));
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    }
    await until(() => fixture.tasks.running() === 0);
  });

  it('is refused while the node drains, with its state, and only for tasks that are not the cluster’s own', async () => {
    const { address } = await fixture.serve();
    const agent = poolFor(fixture.node).getConnection(address);
    expect(await agent.drain(true, 'u1', 7)).toEqual({ runningTasks: 0 });
    await expect(agent.executeTask(task(['true']))).rejects.toMatchObject({
      code: 'draining',
      detail: { nodeId: 'n1', next: expect.stringContaining('another node') },
    });
    expect(await agent.executeTask(task(['claudecluster', 'node', 'status']))).toMatchObject({ exitCode: 0 });
    await agent.drain(false, 'u1', 7);
    expect(await agent.executeTask(task(['true']))).toMatchObject({ exitCode: 0 });
  });
});

describe('errors', () => {
  it('come through whole, from a handler to the caller', async () => {
    const detail = { nodeId: 'n2', seen: 'epoch 4 “ü”', wanted: 'epoch 5', next: 'nothing:\nthe newer leader goes on' };
    const { address } = await fixture.serve({
      agent: {
        drain: () => {
          throw new ClusterError('stale-epoch', 'a newer leader was here', detail, new Error('inside'));
        },
      },
      control: { status: () => Promise.reject(new ClusterError('refused', 'x'.repeat(50_000), detail)) },
    });
    const failure = await poolFor(fixture.node)
      .getConnection(address)
      .drain(true, 'u1', 4)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ClusterError);
    expect((failure as ClusterError).toJSON()).toEqual({
      code: 'stale-epoch',
      message: 'a newer leader was here',
      ...detail,
    });
    const client = createControlClient({ addresses: [address], tls: fixture.node });
    closers.push(client.close);
    await expect(client.status()).rejects.toMatchObject({ code: 'refused', detail });
  });

  it('say what was wrong with hostile requests, and the server lives on', async () => {
    const { address } = await fixture.serve();
    const channel = createChannel(address, fixture.node);
    closers.push(channel.close);
    const proto = loadProto();
    const limits = { timeoutMs: 5000 };
    const update = { buildHash: '', planHash: '', optionsJson: '', by: '' };
    const hostile: [() => Promise<unknown>, string][] = [
      [() => channel.unary(proto.cluster.PlanUpdate, { ...update, buildHash: '../../etc' }, limits), 'usage'],
      [() => channel.unary(proto.cluster.PlanUpdate, { ...update, optionsJson: '{"heartbeats":-3}' }, limits), 'usage'],
      [() => channel.unary(proto.cluster.PlanUpdate, { ...update, optionsJson: '\ud800{' }, limits), 'usage'],
      [() => channel.unary(proto.cluster.GetUpdate, { updateId: '\u0000/../x' }, limits), 'usage'],
      [
        () => channel.unary(proto.cluster.ControlUpdate, { updateId: '', action: 'explode', by: '', why: '' }, limits),
        'usage',
      ],
      [() => channel.unary(proto.agent.Drain, { draining: true, updateId: 'u', epoch: 2 ** 60 }, limits), 'usage'],
      [() => channel.unary(proto.cluster.ApproveNode, { nodeId: 'N 1' }, limits), 'usage'],
      [() => channel.unary(proto.cluster.PlanUpdate, { ...update, by: 'x'.repeat(4_500_000) }, limits), 'internal'],
      [() => channel.unary(proto.cluster.ListReleases, { limit: 1 }, limits), 'internal'],
    ];
    for (const [call, code] of hostile) await expect(call()).rejects.toMatchObject({ code });
    const garbage = new Client(address, channelCredentials(fixture.node));
    closers.push(() => garbage.close());
    const answer = await new Promise((resolve) => {
      const bytes = Buffer.from('ffffffffffffffffffff01', 'hex');
      garbage.makeUnaryRequest(
        proto.agent.Drain.path,
        () => bytes,
        (x: Buffer) => x,
        {},
        new Metadata(),
        {},
        resolve,
      );
    });
    expect(fromStatus(answer, address).code).toBe('internal');
    await expect(poolFor(fixture.node).getConnection(address).healthCheck(3000)).resolves.toMatchObject({
      healthy: true,
    });
  });
});

describe('connections', () => {
  it('are dialled anew after closeConnection, by a client that was taken before', async () => {
    const { address } = await fixture.serve();
    const pool = poolFor(fixture.node);
    const agent = pool.getConnection(address);
    await agent.healthCheck(3000);
    pool.closeConnection(address);
    pool.closeConnection(address);
    await expect(agent.healthCheck(3000)).resolves.toMatchObject({ nodeId: 'n1' });
  });

  it('dial often while the server is away, and come back after it restarted on its port', async () => {
    const [port] = await freePorts(1, systemClock);
    const first = await fixture.serve({ listen: `127.0.0.1:${port}` });
    const agent = poolFor(fixture.node).getConnection(first.address);
    await agent.healthCheck(3000);
    await first.stop();
    let dials = 0;
    const awayServer = createTcpServer((socket) => {
      dials += 1;
      socket.destroy();
    });
    await new Promise<void>((listening) => awayServer.listen(port, '127.0.0.1', listening));
    // With the back-off that gRPC has by default (1 s, then 1.6 times as long each time) so many take nearly two minutes.
    const ask = () =>
      agent.healthCheck(5000).then(
        () => 'healthy',
        () => 'away',
      );
    const dialled = async (): Promise<boolean> => (await ask()) === 'away' && dials >= 10;
    await expect.poll(dialled, { timeout: 25_000, interval: 50 }).toBe(true);
    await new Promise((closed) => awayServer.close(closed));
    await fixture.serve({ listen: first.address });
    await expect.poll(ask, { timeout: 20_000, interval: 20 }).toBe('healthy');
  });

  it('fail at their deadline when a host takes them and never answers', async () => {
    const sockets: Socket[] = [];
    const silent = createTcpServer((socket) => sockets.push(socket));
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as { port: number };
    const agent = poolFor(fixture.node).getConnection(`127.0.0.1:${port}`);
    await expect(agent.healthCheck(500)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('no connection within 500 ms'),
    });
  });

  it.each(['', 'n1', 'unix:/tmp/x', 'http://n1:1', 'n1:port', 'n1:1:2'])(
    'to %j are refused as no address',
    (address) => {
      expect(() => poolFor(fixture.node).getConnection(address)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  /** A proxy whose present connections can be made to pass nothing on, without closing: what a pulled cable looks like. */
  async function proxyTo(address: string): Promise<{ address: string; cut: () => void; open: () => number }> {
    const [host, port] = address.split(':');
    const sockets = new Set<Socket>();
    const cutOff = new Set<Socket>();
    let open = 0;
    const proxy = createTcpServer((near) => {
      const far = connectTcp(Number(port), host);
      open += 1;
      near.once('close', () => {
        open -= 1;
        far.destroy();
      });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from);
        from.on('data', (chunk) => cutOff.has(from) || to.write(chunk));
        from.on('error', () => {});
      }
    });
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    return {
      address: `127.0.0.1:${(proxy.address() as { port: number }).port}`,
      cut: () => {
        for (const socket of sockets) cutOff.add(socket);
      },
      open: () => open,
    };
  }

  it('that hang are dropped by closeConnection with the calls on them, and the next call gets through', async () => {
    const proxy = await proxyTo((await fixture.serve()).address);
    const pool = poolFor(fixture.node);
    const agent = pool.getConnection(proxy.address);
    const running = agent.executeTask(task(['sleep', '60'], 60_000)).catch((error: unknown) => error);
    await until(() => fixture.tasks.running() === 1);
    proxy.cut();
    await expect(agent.healthCheck(300)).rejects.toMatchObject({ code: 'unavailable' });
    const closedNs = process.hrtime.bigint();
    pool.closeConnection(proxy.address);
    expect(await running).toMatchObject({ code: 'unavailable' });
    await until(() => proxy.open() === 0);
    expect(elapsedMs(closedNs)).toBeLessThan(5000); // by us, not by keepalive
    await expect(agent.healthCheck(5000)).resolves.toMatchObject({ healthy: true });
    await until(() => proxy.open() === 1);
  });

  it('end a call when the node hangs for good (keepalive)', async () => {
    const proxy = await proxyTo((await fixture.serve()).address);
    const agent = poolFor(fixture.node).getConnection(proxy.address);
    const running = agent.executeTask(task(['sleep', '60'], 60_000)).catch((error: unknown) => error);
    await until(() => fixture.tasks.running() === 1);
    proxy.cut();
    const startedNs = process.hrtime.bigint();
    expect(await running).toMatchObject({ code: 'unavailable' });
    expect(elapsedMs(startedNs)).toBeLessThan(40_000); // not by its deadline
    // The node notices too, and the task does not outlive its caller.
    await expect.poll(() => fixture.tasks.running(), { timeout: 25_000, interval: 100 }).toBe(0);
  });

  it('listening on a port that is taken says so', async () => {
    const { address } = await fixture.serve();
    await expect(fixture.serve({ listen: address })).rejects.toMatchObject({
      code: 'unavailable',
      message: `cannot listen on ${address}`,
    });
  });
});

describe('standard services', () => {
  it('health follows the setter, for one question and for a watch, and the watch does not keep a server from stopping', async () => {
    const server = await fixture.serve();
    const health = loadStandardProtos().health['grpc.health.v1.Health'] as unknown as Record<string, never>;
    const channel = createChannel(server.address, await tlsFor(fixture.ca, 'viewer', 'probe'));
    closers.push(channel.close);
    const { Check, Watch } = health;
    const check = (service: string): Promise<unknown> =>
      channel.unary(Check as never, { service }, { timeoutMs: 3000 });
    expect(await check('')).toEqual({ status: 'NOT_SERVING' });
    const watch = await channel.serverStream(Watch as never, { service: '' }, { timeoutMs: 60_000 });
    const seen: unknown[] = [];
    watch.on('data', (message: { status: string }) => seen.push(message.status));
    await until(() => seen.length === 1);
    server.setServing(true);
    await until(() => seen.length === 2);
    expect(await check('claudecluster.v1.AgentService')).toEqual({ status: 'SERVING' });
    await expect(check('nothing')).rejects.toMatchObject({ code: 'not-found' });
    const startedNs = process.hrtime.bigint();
    await server.stop(30_000);
    expect(elapsedMs(startedNs)).toBeLessThan(15_000); // it does not wait for whoever watches
    expect(seen).toEqual(['NOT_SERVING', 'SERVING', 'NOT_SERVING']);
  });

  it('reflection lists every service and describes ours, in both published versions', async () => {
    const { address } = await fixture.serve();
    const channel = createChannel(address, await tlsFor(fixture.ca, 'viewer', 'grpcurl'));
    closers.push(channel.close);
    for (const [version] of loadStandardProtos().reflection.entries()) {
      const definition = loadStandardProtos().reflection[version] ?? {};
      const service = Object.entries(definition).find(([name]) => name.endsWith('.ServerReflection'))?.[1];
      const method = (service as unknown as Record<string, never>).ServerReflectionInfo as never;
      const call = await channel.duplex<object, Record<string, never>>(method, { timeoutMs: 5000 });
      call.write({ listServices: '*' });
      call.write({ fileContainingSymbol: 'claudecluster.v1.AgentService' });
      call.write({ fileContainingSymbol: 'no.such.Thing' });
      call.end();
      const answers: Record<string, never>[] = [];
      for await (const answer of call) answers.push(answer);
      const [list, file, none] = answers as unknown as [
        { listServicesResponse: { service: { name: string }[] } },
        { fileDescriptorResponse: { fileDescriptorProto: Buffer[] } },
        { errorResponse: { errorCode: number } },
      ];
      expect(list.listServicesResponse.service.map(({ name }) => name).sort()).toEqual([
        'claudecluster.v1.AgentService',
        'claudecluster.v1.ClusterService',
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ]);
      expect(file.fileDescriptorResponse.fileDescriptorProto[0]?.toString('latin1')).toContain('ExecuteTask');
      expect(none.errorResponse.errorCode).toBe(5);
    }
  });

  it('a server stops in its time although a task still runs', async () => {
    const server = await fixture.serve();
    const running = poolFor(fixture.node)
      .getConnection(server.address)
      .executeTask(task(['sleep', '60'], 60_000));
    const outcome = running.catch((error: unknown) => error);
    await until(() => fixture.tasks.running() === 1);
    const startedNs = process.hrtime.bigint();
    await server.stop(300);
    expect(elapsedMs(startedNs)).toBeLessThan(30_000); // not the task's own minute
    expect(await outcome).toMatchObject({ code: 'unavailable' });
    await until(() => fixture.tasks.running() === 0);
  });
});

describe('the transfer pipe', () => {
  const hash = 'b'.repeat(64);
  const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  async function readAll(stream: Readable): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  it('carries 20 MB each way at once and gives back how the other side ended', async () => {
    const toNode = randomBytes(20_000_000);
    const fromNode = randomBytes(20_000_000);
    const asked: unknown[] = [];
    let arrived = '';
    const { address } = await fixture.serve({
      agent: {
        serveRsync: async ({ input, output, signal: _signal, ...rest }) => {
          asked.push(rest);
          const [bytes] = await Promise.all([readAll(input), pipeline(Readable.from([fromNode]), output)]);
          arrived = sha(bytes);
          return { exitCode: 0, stderr: 'a note' };
        },
      },
    });
    const pipe = await openTransferPipe(address, fixture.node, { direction: 'pull', hash, capabilities: 'LsfxCIvu' });
    const [got] = await Promise.all([readAll(pipe.output), pipeline(Readable.from([toNode]), pipe.input)]);
    expect(await pipe.end).toEqual({ exitCode: 0, stderr: 'a note' });
    expect(sha(got)).toBe(sha(fromNode));
    expect(arrived).toBe(sha(toNode));
    expect(asked).toEqual([{ direction: 'pull', base: fixture.base, hash, capabilities: 'LsfxCIvu' }]);
  });

  it('holds the sender back, whichever side is slow', async () => {
    let written = 0;
    let taken: Readable | undefined;
    const { address } = await fixture.serve({
      agent: {
        serveRsync: async ({ input, output, signal }) => {
          taken = input; // not read until the test does
          const end = aborted(signal);
          const flood = async (): Promise<void> => {
            while (written < 20_000_000 && !signal.aborted) {
              const room = output.write(Buffer.alloc(65_536));
              written += 65_536;
              if (!room) await Promise.race([new Promise((free) => output.once('drain', free)), end]);
            }
          };
          await flood();
          return { exitCode: 0, stderr: '' };
        },
      },
    });
    const pipe = await openTransferPipe(address, fixture.node, { direction: 'pull', hash, capabilities: '' });
    let accepted = 0;
    const feed = async (): Promise<void> => {
      while (accepted < 20_000_000) {
        const room = pipe.input.write(Buffer.alloc(65_536));
        accepted += 65_536;
        if (!room) await new Promise((free) => pipe.input.once('drain', free));
      }
      pipe.input.end();
    };
    const fed = feed();
    // Both stand still well before the end: wait until neither has moved for a while.
    await until(standsStill(() => written + accepted));
    expect(written).toBeLessThan(8_000_000);
    expect(accepted).toBeLessThan(8_000_000);
    const drainedInput = taken === undefined ? Promise.resolve(Buffer.alloc(0)) : readAll(taken);
    const got = await readAll(pipe.output);
    await fed;
    expect(got.length).toBe(written);
    expect((await drainedInput).length).toBeGreaterThan(0);
    expect(await pipe.end).toEqual({ exitCode: 0, stderr: '' });
  });

  it('ends both sides when it is cancelled in the middle', async () => {
    let serving: AbortSignal | undefined;
    const { address } = await fixture.serve({
      agent: {
        serveRsync: async ({ output, signal }) => {
          serving = signal;
          const end = aborted(signal);
          while (!signal.aborted) {
            if (!output.write(Buffer.alloc(65_536))) {
              await Promise.race([new Promise((free) => output.once('drain', free)), end]);
            }
          }
          return { exitCode: 20, stderr: '' };
        },
      },
    });
    for (const how of ['signal', 'reader'] as const) {
      const stop = new AbortController();
      const request = { direction: 'pull' as const, hash, capabilities: '', signal: stop.signal };
      const pipe = await openTransferPipe(address, fixture.node, request);
      await new Promise((some) => pipe.output.once('data', some));
      if (how === 'signal') stop.abort();
      else pipe.output.destroy();
      await expect(pipe.end).rejects.toMatchObject({ code: 'transfer-failed' });
      await until(() => serving?.aborted === true);
      serving = undefined;
    }
  });

  it('says that a transfer failed, and not that the build is bad, when the node goes away', async () => {
    const server = await fixture.serve({
      agent: { serveRsync: ({ signal }) => aborted(signal).then(() => ({ exitCode: 1, stderr: '' })) },
    });
    const pipe = await openTransferPipe(server.address, fixture.node, { direction: 'push', hash, capabilities: '' });
    pipe.output.resume();
    await server.stop(0);
    await expect(pipe.end).rejects.toMatchObject({ code: 'transfer-failed' });
    await expect(
      openTransferPipe('127.0.0.1:1', fixture.node, { direction: 'push', hash, capabilities: '' }).then(
        async (late) => {
          late.output.resume();
          return late.end;
        },
      ),
    ).rejects.toMatchObject({ code: 'transfer-failed' });
  });

  it('after a push has the tree verified, and reports what the verification found', async () => {
    const finished: string[] = [];
    const { address } = await fixture.serve({
      agent: {
        serveRsync: async ({ input }) => {
          await readAll(input);
          return { exitCode: 0, stderr: '' };
        },
        finishPush: async (pushed) => {
          finished.push(pushed);
          throw new ClusterError('verify-failed', 'the tree is not what it says', { seen: 'x', wanted: 'y' });
        },
      },
    });
    for (const direction of ['pull', 'push'] as const) {
      const pipe = await openTransferPipe(address, fixture.node, { direction, hash, capabilities: '' });
      (pipe.input as Writable).end('bytes');
      pipe.output.resume();
      const end = await pipe.end;
      if (direction === 'pull') expect(end).toEqual({ exitCode: 0, stderr: '' });
      else
        expect([end.exitCode, JSON.parse(end.stderr)]).toEqual([
          1,
          expect.objectContaining({ code: 'verify-failed', seen: 'x' }),
        ]);
    }
    expect(finished).toEqual([hash]);
  });

  it.each([
    ['a hash that is a path', { direction: 'pull' as const, hash: '../../../etc', capabilities: '' }],
    ['capabilities that are options', { direction: 'pull' as const, hash, capabilities: 's --rsync-path=x' }],
    ['too many capabilities', { direction: 'push' as const, hash, capabilities: 'a'.repeat(40) }],
  ])('refuses %s', async (_name, request) => {
    const { address } = await fixture.serve();
    const pipe = await openTransferPipe(address, fixture.node, request);
    pipe.output.resume();
    await expect(pipe.end).rejects.toMatchObject({ code: 'usage' });
  });

  it('refuses a stream that does not begin with what it wants', async () => {
    const { address } = await fixture.serve();
    const channel = createChannel(address, fixture.node);
    closers.push(channel.close);
    const call = await channel.duplex(loadProto().agent.Transfer, { timeoutMs: 5000 });
    call.write({ data: Buffer.from('hello') });
    const failure = await new Promise((failed) => call.once('error', failed));
    expect(fromStatus(failure, address).code).toBe('usage');
  });
});

describe('control and watch', () => {
  const event = (number: number, kind: UpdateEvent['kind'] = 'step'): UpdateEvent => ({
    number,
    updateId: 'u1',
    at: '',
    by: 'n1',
    epoch: 1,
    kind,
    nodeId: null,
    text: `event ${number}`,
  });

  it('asks the next node when one does not answer, and stays with the one that did', async () => {
    let asked = 0;
    const summary = { id: 'u1', state: 'done', outcome: 'committed', target: health.release, later: 'kept' };
    const { address } = await fixture.serve({
      control: {
        listUpdates: async (limit) => {
          asked += limit;
          return [summary as never];
        },
      },
    });
    const client = createControlClient({ addresses: ['127.0.0.1:1', address], tls: fixture.node });
    closers.push(client.close);
    expect(await client.listUpdates(5)).toEqual([summary]);
    expect(await client.listUpdates(5)).toEqual([summary]);
    expect(asked).toBe(10);
  });

  it('names every address that it tried when none answers', async () => {
    const client = createControlClient({ addresses: ['127.0.0.1:1', '127.0.0.1:2'], tls: fixture.node });
    closers.push(client.close);
    await expect(client.status()).rejects.toMatchObject({
      code: 'unavailable',
      detail: { seen: expect.stringMatching(/127\.0\.0\.1:1.*127\.0\.0\.1:2/) },
    });
  });

  it('names the field when a document is not what it should be', async () => {
    const { address } = await fixture.serve({ control: { getUpdate: async () => ({ id: 'u1' }) as never } });
    const client = createControlClient({ addresses: [address], tls: fixture.node });
    closers.push(client.close);
    await expect(client.getUpdate('u1')).rejects.toMatchObject({
      code: 'internal',
      detail: { seen: expect.stringContaining('state') },
    });
  });

  it('records the name that the certificate holds', async () => {
    const heard: string[] = [];
    const { address } = await fixture.serve({
      control: {
        setQuarantine: async (_hash, _on, by) => {
          heard.push(by);
        },
      },
    });
    const client = createControlClient({ addresses: [address], tls: await tlsFor(fixture.ca, 'operator', 'ann') });
    closers.push(client.close);
    await client.setQuarantine('a'.repeat(64), true, 'root', 'because');
    expect(heard).toEqual(['root (operator/ann)']);
  });

  it('streams events to the last one and ends with it', async () => {
    const { address } = await fixture.serve({
      control: {
        async *watch(_id, after) {
          for (let number = after + 1; number < 6; number += 1) yield event(number, number === 5 ? 'ended' : 'step');
        },
      },
    });
    const client = createControlClient({ addresses: [address], tls: await tlsFor(fixture.ca, 'viewer', 'tv') });
    closers.push(client.close);
    const seen: number[] = [];
    let opened = 0;
    for await (const one of client.watch('u1', 2, new AbortController().signal, () => (opened += 1)))
      seen.push(one.number);
    expect(seen).toEqual([3, 4, 5]);
    expect(opened).toBe(1);
  });

  it('ends the source when the watcher leaves, holds it back while it is slow, and breaks when the server stops', async () => {
    let made = 0;
    let ended = 0;
    const server = await fixture.serve({
      control: {
        async *watch(_id, _after, signal) {
          try {
            const text = 'x'.repeat(10_000);
            while (!signal.aborted && made < 100_000) {
              made += 1;
              yield { ...event(made), text };
            }
          } finally {
            ended += 1;
          }
        },
      },
    });
    const client = createControlClient({ addresses: [server.address], tls: fixture.node });
    closers.push(client.close);
    for await (const one of client.watch('u1', 0, new AbortController().signal)) {
      expect(one.number).toBe(1);
      await until(standsStill(() => made));
      expect(made).toBeLessThan(2000);
      break;
    }
    await until(() => ended === 1);
    const stop = new AbortController();
    const watching = (async () => {
      for await (const one of client.watch('u1', 0, stop.signal)) if (one.number > 0) await server.stop(0);
    })();
    await expect(watching).rejects.toMatchObject({ code: 'unavailable' });
    await until(() => ended === 2);
  });
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
