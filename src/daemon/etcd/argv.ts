/** How etcd is started: a pure function from what is known to an argv array. */
import { isIP } from 'node:net';

export interface EtcdArgvInput {
  /** The nodeId: a member's name tells which node runs it. */
  name: string;
  dataDir: string;
  /** host:port for clients and for the other members, as others dial them. */
  client: string;
  peer: string;
  /** PEM files; the node's own certificate is server and client on both sides. */
  tls: { ca: string; cert: string; key: string };
  heartbeatMs: number;
  electionMs: number;
  /**
   * existing: the data directory says it all · new: the group's first start, once in its life · join: a member that was
   * added to a running group.
   */
  start:
    | { kind: 'existing' }
    | { kind: 'new' | 'join'; clusterId: string; initialCluster: { name: string; peer: string }[] };
}

/** 2 GiB, etcd's own default; spelled out, for a full store stops updates. */
const quotaBytes = 2 * 1024 * 1024 * 1024;

/**
 * What not every etcd has a flag for: a variable that it does not know it only warns of, a flag stops it. Snapshots are
 * taken as often as 3.6 does by itself; 3.4 and 3.5 keep ten times as many entries in memory. The flag ends with 3.7.
 */
export const etcdVariables = { ETCD_SNAPSHOT_COUNT: '10000' };

/** etcd binds addresses, not names: a name is listened for on all interfaces (both sides demand a certificate). */
function listenUrl(hostPort: string): string {
  const at = hostPort.lastIndexOf(':');
  const host = hostPort.slice(0, at);
  const bare = host.replace(/^\[|\]$/g, '');
  const binds = isIP(bare) !== 0 || bare === 'localhost' ? host : '0.0.0.0';
  return `https://${binds}:${hostPort.slice(at + 1)}`;
}

/**
 * Arguments for etcd 3.4 and all that came after it: only flags that all of them have. What differs between them are the
 * `--experimental-*` ones, and none is needed. Nothing here ever weakens fsync.
 */
export function etcdArgv(input: EtcdArgvInput): string[] {
  const { start, tls } = input;
  // Were the data gone after all, 'existing' makes etcd fail instead of founding a second cluster.
  const group =
    start.kind === 'existing'
      ? ['--initial-cluster-state=existing', `--initial-cluster=${input.name}=https://${input.peer}`]
      : [
          `--initial-cluster-state=${start.kind === 'new' ? 'new' : 'existing'}`,
          `--initial-cluster-token=${start.clusterId}`,
          `--initial-cluster=${start.initialCluster.map((one) => `${one.name}=https://${one.peer}`).join(',')}`,
        ];
  return [
    `--name=${input.name}`,
    `--data-dir=${input.dataDir}`,
    `--listen-client-urls=${listenUrl(input.client)}`,
    `--advertise-client-urls=https://${input.client}`,
    `--listen-peer-urls=${listenUrl(input.peer)}`,
    `--initial-advertise-peer-urls=https://${input.peer}`,
    ...group,
    // P9: no client and no peer without a certificate of this cluster's CA.
    '--client-cert-auth=true',
    `--trusted-ca-file=${tls.ca}`,
    `--cert-file=${tls.cert}`,
    `--key-file=${tls.key}`,
    '--peer-client-cert-auth=true',
    `--peer-trusted-ca-file=${tls.ca}`,
    `--peer-cert-file=${tls.cert}`,
    `--peer-key-file=${tls.key}`,
    // A member that comes back must not disturb a leader that the others have (off by default in 3.4).
    '--pre-vote=true',
    `--heartbeat-interval=${input.heartbeatMs}`,
    `--election-timeout=${input.electionMs}`,
    '--strict-reconfig-check=true',
    '--auto-compaction-mode=periodic',
    '--auto-compaction-retention=1h',
    `--quota-backend-bytes=${quotaBytes}`,
    '--enable-grpc-gateway=false',
    '--logger=zap',
    '--log-outputs=stderr',
  ];
}
