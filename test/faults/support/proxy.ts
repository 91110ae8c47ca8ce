/**
 * The same cuts without root, for the gRPC ports: every node is dialled through a proxy of this process, which can hold
 * back what it should pass on. As with dropped packets nobody is told: connections stay open, and nothing comes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { loadNodeConfig } from '../../../src/daemon/config.ts';
import { cliOk } from '../../support/cli.ts';
import { type DevCluster, type DevNode, startDevCluster } from '../../support/dev-cluster.ts';
import type { Network } from './network.ts';

interface Proxy {
  server: Server;
  port: number;
  cut(): void;
  mend(): void;
}

/** Starts a cluster whose nodes dial each other through proxies. The CLI dials the nodes themselves. */
export async function startProxied(): Promise<{ cluster: DevCluster; network: Network }> {
  const cluster = await startDevCluster();
  await cliOk(['dev', 'down', '--dir', cluster.dir]);
  const proxies = new Map<string, Proxy>();
  for (const { nodeId, base, address } of cluster.nodes) {
    const proxy = await startProxy(address);
    proxies.set(nodeId, proxy);
    const file = join(base, 'config.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}advertise: 127.0.0.1:${proxy.port}\n`);
    loadNodeConfig(file); // Says at once if that is no configuration any more.
  }
  await cliOk(['dev', 'up', '--dir', cluster.dir, '--detach', '--json']);
  const network: Network = {
    cut({ nodeId }: DevNode, ...ports) {
      if (ports.some((port) => port !== 'grpc')) throw new Error('only gRPC ports have a proxy');
      proxies.get(nodeId)?.cut();
    },
    mend() {
      for (const proxy of proxies.values()) proxy.mend();
    },
    close() {
      for (const { server } of proxies.values()) server.close();
    },
  };
  return { cluster, network };
}

async function startProxy(target: string): Promise<Proxy> {
  const pairs = new Set<[Socket, Socket]>();
  const held = new Set<Socket>();
  let isCut = false;
  const port = Number(target.slice(target.lastIndexOf(':') + 1));
  const join = ([one, two]: [Socket, Socket]): void => {
    one.pipe(two);
    two.pipe(one);
  };
  const server = createServer((from) => {
    from.on('error', () => from.destroy());
    if (isCut) {
      held.add(from);
      return;
    }
    const pair: [Socket, Socket] = [from, connect(port, '127.0.0.1')];
    pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    join(pair);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  server.unref();
  return {
    server,
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const [one, two] of pairs) {
        one.unpipe(two);
        two.unpipe(one);
      }
    },
    mend() {
      isCut = false;
      for (const socket of held) socket.destroy();
      held.clear();
      for (const pair of pairs) join(pair);
    },
  };
}
