/**
 * config.yaml: a node's, and a client's (CLI, MCP). Parsed here once; inside, the types are trusted. What must be there is
 * checked strictly; a key that this build does not know is left out and told, for a build that goes back must start with
 * what a newer one was given (P11).
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { ClusterError } from '../errors.ts';
import { defaultPushBytesMax } from '../release/room.ts';
import { dropUnknownKeys } from './unknown-keys.ts';

const nodeId = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'lower-case letters, digits and dashes, as a host name label');
const hostPort = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'host:port');
const ms = z.int().positive();

const tls = z.strictObject({
  /** PEM files; relative paths are relative to the configuration file. */
  ca: z.string(),
  cert: z.string(),
  key: z.string(),
});

const hook = z.strictObject({
  /** The command: no shell, argv[0] is looked up in PATH. */
  argv: z.array(z.string().min(1)).min(1),
  timeoutMs: ms.max(600_000).default(30_000),
});

const managedEtcd = z.strictObject({
  /** host:port for clients and for peers; both TLS. */
  client: hostPort,
  peer: hostPort,
  /** Where the other members answer clients: used when the own member does not. */
  others: z.array(hostPort).default([]),
  /** etcd's own timing, ms. */
  heartbeatMs: ms.default(100),
  electionMs: ms.default(1000),
  /** Certificates of etcd, from a CA of its own: etcd asks for no role, and whoever it lets in has the whole store (P9). Default: the node's. */
  tls: tls.optional(),
  /** The etcd binary. */
  binary: z.string().default('etcd'),
});

const externalEtcd = z.strictObject({
  /** host:port of a cluster that runs already. */
  endpoints: z.array(hostPort).min(1),
  tls: tls.optional(),
});

/**
 * Settings whose values may grow, and what stands for one that this build does not know: nothing that it does alone
 * depends on them, and a node must not stay down for them.
 */
const growing = {
  logLevel: { known: ['debug', 'info', 'warn', 'error'], instead: 'info' },
  stragglers: { known: ['update', 'leave'], instead: 'leave' },
} as const;

const nodeConfigSchema = z.strictObject({
  service: z.string().default('claudecluster'),
  nodeId,
  role: z.enum(['voter', 'worker']).default('voter'),
  /** Relative to the configuration file. Default: its directory. */
  base: z.string().default('.'),
  /** gRPC: where to listen, and what the others dial (default: the same). */
  listen: hostPort,
  advertise: hostPort.optional(),
  etcd: z.union([managedEtcd, externalEtcd]),
  tls,
  /** Membership heartbeat, ms. */
  heartbeatMs: ms.default(5000),
  /** Lease of the node's record and of the leadership, ms. etcd counts whole seconds, and at least 2. */
  leaseMs: ms.default(5000),
  /** Releases kept on disk beside those in use. */
  keepReleases: z.int().min(1).max(100).default(3),
  /** Bytes of the disk that releases leave free, for the store and the daemon. Default: 2 GiB, or a tenth of a smaller disk. */
  diskReserveBytes: z.int().nonnegative().optional(),
  /** Bytes that a pushed build may have, at most. */
  pushBytesMax: z.int().positive().default(defaultPushBytesMax),
  /** A committed build that cannot stay up goes back for this long after its update has ended, ms. */
  probationMs: ms.default(600_000),
  /** Run around a restart for an update; a failure of the first stops the activation. */
  hooks: z.strictObject({ beforeRestart: hook.optional(), afterRestart: hook.optional() }).default({}),
  /** A node that comes back on a release that the cluster has left: the leader brings it up, or leaves it. */
  stragglers: z.enum(growing.stragglers.known).default('update'),
  logLevel: z.enum(growing.logLevel.known).default('info'),
});
export type NodeConfig = z.infer<typeof nodeConfigSchema> & {
  file: string;
  advertise: string;
  /** Keys that were left out, in words: to be logged once at the start. */
  warnings: string[];
};

const clientConfigSchema = z.strictObject({
  /** gRPC addresses of nodes; any of them will do. */
  addresses: z.array(hostPort).min(1),
  tls,
});
export type ClientConfig = z.infer<typeof clientConfigSchema> & { file: string; warnings: string[] };

function readYaml(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ClusterError(
      'config',
      `cannot read ${file}`,
      { seen: (cause as Error).message, next: 'give --config FILE or set CLAUDECLUSTER_CONFIG' },
      cause,
    );
  }
  try {
    return parseYaml(text);
  } catch (cause) {
    throw new ClusterError(
      'config',
      `${file} is not YAML`,
      { seen: (cause as Error).message.split('\n')[0] ?? '' },
      cause,
    );
  }
}

/** The value as the schema has it, without the keys that it does not know; each of those is a warning. */
function check<T>(schema: z.ZodType<T>, value: unknown, file: string): { config: T; warnings: string[] } {
  const { known, warnings } = dropUnknownKeys(schema, value);
  warnings.push(...replaceUnknownValues(known));
  const parsed = schema.safeParse(known);
  if (parsed.success) return { config: parsed.data, warnings: warnings.map((text) => `${file}: ${text}`) };
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') || '(top)';
  // What is missing may be there under a name that was mistyped.
  const seen = warnings.length === 0 ? {} : { seen: warnings.join('; ') };
  throw new ClusterError('config', `${file}: ${where}: ${issue?.message ?? 'not as expected'}`, {
    ...seen,
    next: 'see docs/operating.md, Configuration',
  });
}

function replaceUnknownValues(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const settings = value as Record<string, unknown>;
  return Object.entries(growing).flatMap(([name, { known, instead }]) => {
    const given = settings[name];
    if (typeof given !== 'string' || (known as readonly string[]).includes(given)) return [];
    settings[name] = instead;
    return [`${name}: this build does not know ${JSON.stringify(given)} and takes ${instead} (${known.join(', ')})`];
  });
}

function absoluteTls<T extends { ca: string; cert: string; key: string }>(paths: T, dir: string): T {
  return { ...paths, ca: resolve(dir, paths.ca), cert: resolve(dir, paths.cert), key: resolve(dir, paths.key) };
}

/** Reads a node's configuration; all paths in the result are absolute. Throws ClusterError 'config'. */
export function loadNodeConfig(path: string): NodeConfig {
  const file = resolve(path);
  const { config, warnings } = check(nodeConfigSchema, readYaml(file), file);
  const dir = dirname(file);
  const etcd = config.etcd.tls ? { ...config.etcd, tls: absoluteTls(config.etcd.tls, dir) } : config.etcd;
  return {
    ...config,
    file,
    base: resolve(dir, config.base),
    advertise: config.advertise ?? config.listen,
    tls: absoluteTls(config.tls, dir),
    etcd,
    warnings,
  };
}

/** The certificates that etcd takes from this node. */
export function etcdTlsPaths(config: Pick<NodeConfig, 'etcd' | 'tls'>): NodeConfig['tls'] {
  return config.etcd.tls ?? config.tls;
}

/** Reads what a client needs from a client's or from a node's configuration. Throws ClusterError 'config'. */
export function loadClientConfig(path: string): ClientConfig {
  const file = resolve(path);
  const value = readYaml(file);
  if (typeof value === 'object' && value !== null && 'nodeId' in value) {
    const node = loadNodeConfig(file);
    return { file, addresses: [node.advertise], tls: node.tls, warnings: node.warnings };
  }
  const { config, warnings } = check(clientConfigSchema, value, file);
  return { ...config, file, warnings, tls: absoluteTls(config.tls, dirname(file)) };
}
