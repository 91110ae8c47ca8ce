/** A local cluster as a plain value: who is where, and the text of every file that says so. */
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Bootstrap } from '../../members/bootstrap-files.ts';
import type { NodeRole } from '../../ports/membership.ts';

export interface DevNode {
  nodeId: string;
  role: NodeRole;
  address: string;
  base: string;
  /** host:port of its etcd member; null on a worker. */
  etcd: { client: string; peer: string } | null;
}

/** DIR/dev.json: what `dev up` made, so that it can be started and stopped again. */
export interface DevCluster {
  v: 1;
  clusterId: string;
  heartbeatMs: number;
  nodes: DevNode[];
}

export interface DevPaths {
  dir: string;
  /** There when the cluster is complete. */
  marker: string;
  /** There while it is being made. */
  making: string;
  config: string;
  ca: string;
  tls: string;
  bin: string;
}

export function devPaths(dir: string): DevPaths {
  return {
    dir,
    marker: join(dir, 'dev.json'),
    making: join(dir, 'dev.making'),
    config: join(dir, 'config.yaml'),
    ca: join(dir, 'ca'),
    tls: join(dir, 'tls'),
    bin: join(dir, 'bin', 'claudecluster'),
  };
}

/** Ports that a cluster of so many needs: gRPC for each, two more for each voter's etcd. */
export function portsNeeded(voters: number, workers: number): number {
  return voters * 3 + workers;
}

/** @param ports as many as portsNeeded says, all free and different */
export function layOut(
  dir: string,
  how: { clusterId: string; voters: number; workers: number; heartbeatMs: number; ports: number[] },
): DevCluster {
  const ports = [...how.ports];
  const next = (): string => `127.0.0.1:${ports.shift() ?? 0}`;
  const nodes: DevNode[] = [];
  for (let index = 1; index <= how.voters; index++) {
    const nodeId = `n${index}`;
    nodes.push({
      nodeId,
      role: 'voter',
      address: next(),
      base: join(dir, nodeId),
      etcd: { client: next(), peer: next() },
    });
  }
  for (let index = 1; index <= how.workers; index++) {
    const nodeId = `w${index}`;
    nodes.push({ nodeId, role: 'worker', address: next(), base: join(dir, nodeId), etcd: null });
  }
  return { v: 1, clusterId: how.clusterId, heartbeatMs: how.heartbeatMs, nodes };
}

/** Of one node, relative to its own directory: the directory can be moved. */
export function nodeConfigText(cluster: DevCluster, node: DevNode): string {
  const tls = nodeTls(node);
  const others = cluster.nodes.flatMap((each) => (each.etcd && each !== node ? [each.etcd.client] : []));
  const etcd = node.etcd ? { ...node.etcd, others, tls: etcdTls(node) } : { endpoints: others, tls: etcdTls(node) };
  return stringify({
    nodeId: node.nodeId,
    role: node.role,
    listen: node.address,
    heartbeatMs: cluster.heartbeatMs,
    tls,
    etcd,
  });
}

function nodeTls(node: DevNode): { ca: string; cert: string; key: string } {
  const dir = join('data', 'tls');
  return { ca: join(dir, 'ca.pem'), cert: join(dir, `${node.nodeId}.pem`), key: join(dir, `${node.nodeId}.key`) };
}

/** From a CA of its own: an operator's or a viewer's certificate opens nothing at etcd (P9). */
function etcdTls(node: DevNode): { ca: string; cert: string; key: string } {
  const dir = join('data', 'tls', 'etcd');
  return { ca: join(dir, 'ca.pem'), cert: join(dir, `${node.nodeId}.pem`), key: join(dir, `${node.nodeId}.key`) };
}

/** Of the people on this machine: the operator's certificate. */
export function clientConfigText(cluster: DevCluster): string {
  return stringify({
    addresses: cluster.nodes.map(({ address }) => address),
    tls: { ca: join('tls', 'ca.pem'), cert: join('tls', 'operator.pem'), key: join('tls', 'operator.key') },
  });
}

export function bootstrapOf(cluster: DevCluster): Bootstrap {
  return {
    clusterId: cluster.clusterId,
    kind: 'new',
    initialCluster: cluster.nodes.flatMap((node) => (node.etcd ? [{ name: node.nodeId, peer: node.etcd.peer }] : [])),
    nodes: cluster.nodes.map(({ nodeId }) => nodeId),
  };
}

/** A shell wrapper around one bundle. Quoted for sh: a path may hold anything. */
export function wrapperText(node: string, bundle: string, config: string): string {
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    '#!/bin/sh',
    `[ -n "$CLAUDECLUSTER_CONFIG" ] || CLAUDECLUSTER_CONFIG=${quote(config)}`,
    'export CLAUDECLUSTER_CONFIG',
    `exec ${quote(node)} ${quote(bundle)} "$@"`,
    '',
  ].join('\n');
}
