/**
 * A network of the cluster's own: a namespace with nothing but a loopback, in which packets to a port can be dropped.
 * Nobody is told that they are: a cut looks as it does between hosts, and no connection is refused. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadNodeConfig } from '../../../src/daemon/config.ts';
import type { DevCluster, DevNode } from '../../support/dev-cluster.ts';
import { removeDir, tempDir } from '../../support/temp.ts';

export type Port = 'grpc' | 'etcd-client' | 'etcd-peer';

export interface Network {
  /** Drops whatever is sent to this port of the node; what the node itself sends to others still goes. */
  cut(node: DevNode, ...ports: Port[]): void;
  /** Nothing is dropped any more. */
  mend(): void;
  close(): void;
}

/** FAULTS_AS_USER=1: as somebody would see it who is not. */
export const isRoot = process.getuid?.() === 0 && process.env.FAULTS_AS_USER !== '1';

/**
 * Makes the network, and has every program that this process starts with `process.execPath` from now on (the CLI, and
 * through it the whole cluster, and the write probe) run in it.
 */
export function createNetwork(): Network {
  const name = `faults-${process.pid}-${randomBytes(3).toString('hex')}`;
  const dir = tempDir('network');
  const inside = (...argv: string[]): unknown =>
    execFileSync('ip', ['netns', 'exec', name, ...argv], { stdio: 'pipe' });
  execFileSync('ip', ['netns', 'add', name]);
  execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  inside('nft', 'add table inet faults');
  inside('nft', 'add chain inet faults arriving { type filter hook input priority 0; }');
  const outside = process.execPath;
  const node = join(dir, 'node');
  writeFileSync(node, `#!/bin/sh\nexec ip netns exec ${name} ${outside} "$@"\n`);
  chmodSync(node, 0o755);
  process.execPath = node;
  return {
    cut(node, ...ports) {
      for (const port of ports) inside('nft', `add rule inet faults arriving tcp dport ${numberOf(node, port)} drop`);
    },
    mend: () => void inside('nft', 'flush chain inet faults arriving'),
    close() {
      process.execPath = outside;
      execFileSync('ip', ['netns', 'del', name]);
      removeDir(dir);
    },
  };
}

function numberOf({ base }: DevNode, port: Port): number {
  const { listen, etcd } = loadNodeConfig(join(base, 'config.yaml'));
  if (port !== 'grpc' && 'endpoints' in etcd) throw new Error(`${base} runs no etcd`);
  const address = port === 'grpc' || 'endpoints' in etcd ? listen : port === 'etcd-peer' ? etcd.peer : etcd.client;
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/** The cluster takes its network with it when it is stopped. */
export function inNetwork(cluster: DevCluster, network: Network): DevCluster {
  return {
    ...cluster,
    async stop() {
      network.mend();
      await cluster.stop();
      network.close();
    },
  };
}
