/** Makes a local cluster's directory: certificates, configurations, the first release on every node. Starts nothing. */
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { nodePaths } from '../../base/paths.ts';
import { ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { VersionInfo } from '../../ports/releases.ts';
import {
  bootstrapOf,
  clientConfigText,
  type DevCluster,
  type DevNode,
  devPaths,
  layOut,
  nodeConfigText,
  portsNeeded,
  wrapperText,
} from './layout.ts';
import { refuseForeign } from './place.ts';
import { freePorts } from './ports.ts';

/** Longer than anybody keeps a development cluster. */
const certificateDays = 3650;

const markerSchema = z.looseObject({
  v: z.literal(1),
  clusterId: z.string(),
  heartbeatMs: z.number(),
  nodes: z.array(
    z.looseObject({
      nodeId: z.string(),
      role: z.enum(['voter', 'worker']),
      address: z.string(),
      base: z.string(),
      etcd: z.looseObject({ client: z.string(), peer: z.string() }).nullable(),
    }),
  ),
});

/** The cluster that an earlier `dev up` made in `dir`; null when there is none. Throws ClusterError 'config' for a marker that is broken. */
export function readDevCluster(dir: string): DevCluster | null {
  const { marker } = devPaths(dir);
  if (!existsSync(marker)) return null;
  try {
    const cluster = markerSchema.parse(JSON.parse(readFileSync(marker, 'utf8')));
    // Where the nodes are follows from where the directory is now, not from where it was made.
    return { ...cluster, nodes: cluster.nodes.map((node) => ({ ...node, base: join(dir, node.nodeId) })) };
  } catch (cause) {
    throw new ClusterError(
      'config',
      `${marker} cannot be read`,
      {
        seen: (cause as Error).message.slice(0, 200),
        next: `claudecluster dev down --purge --dir ${dir}, then dev up again`,
      },
      cause,
    );
  }
}

export interface CreateRequest {
  dir: string;
  voters: number;
  workers: number;
  heartbeatMs: number;
  /** A verified release directory, and its stamp. */
  release: string;
  version: VersionInfo;
}

/** What of other rooms is needed; given, so that a test can do without certificates and real trees. */
export interface CreateDeps {
  clock: Clock;
  execPath: string;
  /** Puts the release at `from` into `<base>/releases/<hash>`, verified. */
  importRelease(base: string, from: string): Promise<unknown>;
  /** Makes the cluster's CA, a certificate for each node, and the operator's. */
  issueCertificates(cluster: DevCluster, dir: string, days: number): Promise<void>;
}

/** Makes the directory; the marker comes last, so that a half-made one is never taken for a cluster. */
export async function createDevCluster(deps: CreateDeps, request: CreateRequest): Promise<DevCluster> {
  const { dir, voters, workers, heartbeatMs } = request;
  const paths = devPaths(dir);
  refuseForeign(dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(paths.making, '');
  const ports = await freePorts(portsNeeded(voters, workers), deps.clock);
  const clusterId = `dev-${deps.clock.randomId(4)}`;
  const cluster = layOut(dir, { clusterId, voters, workers, heartbeatMs, ports });
  for (const node of cluster.nodes) await createNode(deps, cluster, node, request);
  await deps.issueCertificates(cluster, dir, certificateDays);
  writeFileSync(paths.config, clientConfigText(cluster));
  const [first] = cluster.nodes;
  if (first) writeWrapper(paths.bin, deps.execPath, join(nodePaths(first.base).dist, 'index.js'), paths.config);
  writeFileSync(`${paths.marker}.tmp`, `${JSON.stringify(cluster, null, 2)}\n`);
  renameSync(`${paths.marker}.tmp`, paths.marker);
  return cluster;
}

async function createNode(deps: CreateDeps, cluster: DevCluster, node: DevNode, request: CreateRequest): Promise<void> {
  const paths = nodePaths(node.base);
  for (const path of [paths.releases, paths.data, paths.run, paths.log])
    mkdirSync(path, { recursive: true, mode: 0o755 });
  writeFileSync(join(node.base, 'config.yaml'), nodeConfigText(cluster, node));
  writeFileSync(join(paths.data, 'bootstrap.json'), `${JSON.stringify(bootstrapOf(cluster), null, 2)}\n`);
  await deps.importRelease(node.base, request.release);
  if (!existsSync(paths.dist)) symlinkSync(join('releases', request.version.buildHash), paths.dist);
  const bundle = join(paths.dist, 'index.js');
  writeWrapper(join(node.base, 'bin', 'claudecluster'), deps.execPath, bundle, join(node.base, 'config.yaml'));
}

function writeWrapper(file: string, execPath: string, bundle: string, config: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, wrapperText(execPath, bundle, config), { mode: 0o755 });
}
