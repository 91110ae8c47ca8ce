/** What every part of a node is made with: its configuration, release, certificates and clock, and where it is in its life. */
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '../../adapters/system-clock.ts';
import { type NodePaths, nodePaths } from '../../base/paths.ts';
import { loadTls, type Tls } from '../../grpc/tls.ts';
import { type BootstrapPaths, bootstrapPaths } from '../../members/bootstrap-files.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ReleaseRef, VersionInfo } from '../../ports/releases.ts';
import { readVersion, releaseRef } from '../../release/version.ts';
import { etcdTlsPaths, type NodeConfig } from '../config.ts';
import type { NodeState } from '../life/parts.ts';

export interface NodeContext {
  config: NodeConfig;
  clock: Clock;
  logger: Logger;
  paths: NodePaths;
  boot: BootstrapPaths;
  /** Of the node, to its peers; and at etcd, from a CA of its own (P9). */
  tls: Tls;
  etcdTls: Tls;
  /** The bundle that runs, its directory's links resolved: what the node's own verbs run. */
  bundle: string;
  version: VersionInfo;
  release: ReleaseRef;
  /** Random id of this start. */
  incarnation: string;
  /** How the node's own etcd is run; null: the endpoints of a cluster that runs already are used. */
  managed: ManagedEtcd | null;
  state: NodeState;
  /** Aborts when the node begins to stop. */
  ending: AbortController;
}

export type ManagedEtcd = Exclude<NodeConfig['etcd'], { endpoints: string[] }>;

/** Throws ClusterError 'config' for certificates that cannot be used, 'release-invalid' for a bundle without a stamp. */
export async function nodeContext(config: NodeConfig, bundle: string, logger: Logger): Promise<NodeContext> {
  const paths = nodePaths(config.base);
  const real = realpathSync(bundle);
  const version = await readVersion(dirname(real));
  return {
    config,
    clock: systemClock,
    logger,
    paths,
    boot: bootstrapPaths(paths.data),
    tls: loadTls(config.tls),
    etcdTls: loadTls(etcdTlsPaths(config)),
    bundle: real,
    version,
    release: releaseRef(version),
    incarnation: systemClock.randomId(8),
    managed: 'endpoints' in config.etcd ? null : config.etcd,
    state: { notReady: `${config.nodeId} has not reached its cluster yet`, stopping: false, memberId: null },
    ending: new AbortController(),
  };
}
