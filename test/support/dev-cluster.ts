/** A real cluster on this machine: daemons, etcd members and certificates of its own, started by the built CLI. */
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePaths } from '../../src/base/paths.ts';
import type { ClusterStatus } from '../../src/cluster/control/status.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import { type CliOptions, type CliResult, cli, cliOk } from './cli.ts';
import { type ProcessInfo, processesUsing } from './processes.ts';
import { removeDir, tempDir } from './temp.ts';
import { waitFor } from './wait.ts';

export interface DevNode {
  nodeId: string;
  address: string;
  /** The node's base directory: dist, releases, data, log. */
  base: string;
}

export interface DevCluster {
  dir: string;
  /** Of a client with the operator's certificate: what --config takes. */
  config: string;
  nodes: DevNode[];
  /** Runs the CLI against this cluster. */
  cli(args: string[], options?: CliOptions): Promise<CliResult>;
  status(): Promise<ClusterStatus>;
  /** The whole record of an update; without an id, of the newest. */
  record(updateId?: string): Promise<UpdateRecord>;
  /** Last lines of every node's log, for a failure's message. */
  logs(lines?: number): string;
  /** The same cluster, asked with another build's CLI (its index.js); undefined: the clone's own. */
  through(bundle: string | undefined): DevCluster;
  /** Ends every process of the cluster, removes its directory, and throws if anything was left running. */
  stop(): Promise<void>;
}

export interface DevClusterOptions {
  /** Default 3. */
  nodes?: number;
  /** Nodes beside them that do not vote. Default 0. */
  workers?: number;
  /** Membership heartbeat in ms. Default 1,000. */
  heartbeatMs?: number;
  /** Where; default: a new temporary directory. */
  dir?: string;
  /** Directory of the build that the nodes begin with; default: that of the CLI that makes it. */
  release?: string;
  /** Which build runs in it (its index.js); default the clone's own. */
  bundle?: string;
  /** Gives up starting. */
  signal?: AbortSignal;
}

/** Starts a cluster and returns when every node is healthy. When that fails, everything is stopped and the logs are in the error. */
export async function startDevCluster(options: DevClusterOptions = {}): Promise<DevCluster> {
  const dir = options.dir ?? tempDir('dev');
  const bundle = options.bundle === undefined ? {} : { bundle: options.bundle };
  const nodes = String(options.nodes ?? 3);
  const heartbeat = `${options.heartbeatMs ?? 1000}ms`;
  const args = ['dev', 'up', '--nodes', nodes, '--dir', dir, '--heartbeat', heartbeat, '--detach', '--json'];
  if (options.release !== undefined) args.push('--release', options.release);
  if (options.workers !== undefined) args.push('--workers', String(options.workers));
  try {
    const { json } = await cliOk(args, { ...bundle, ...(options.signal ? { signal: options.signal } : {}) });
    const up = json.at(-1) as { dir: string; config: string; nodes: DevNode[] };
    return devCluster(dir, up.config, up.nodes, bundle);
  } catch (failed) {
    const evidence = logsBelow(dir, 40);
    if (!options.signal?.aborted) await stopDevCluster(dir, bundle).catch(() => undefined);
    throw new Error(`the cluster did not start\n${evidence}`, { cause: failed });
  }
}

/**
 * Ends whatever cluster is in `dir`, also one that never became healthy, and removes the directory. Nothing may outlive a
 * test run: what `dev down` leaves behind is killed, and is an error all the same.
 */
export async function stopDevCluster(dir: string, options: CliOptions = {}): Promise<void> {
  const down = await cli(['dev', 'down', '--dir', dir], { ...options, timeoutMs: 60_000 });
  const left = await remaining(dir, 5000);
  for (let round = 0; round < 10 && (await remaining(dir, 200)).length > 0; round += 1) {
    for (const { pid } of processesUsing(dir)) kill(pid); // in rounds: a supervisor may start one more in between
  }
  removeDir(dir);
  if (left.length === 0) return;
  const names = left.map(({ pid, argv }) => `${pid}: ${argv.join(' ')}`).join('\n');
  throw new Error(`dev down (exit code ${down.code}) left processes behind:\n${names}\n${down.stderr}`);
}

/** What still uses the directory after waiting for up to `ms` for nothing to. */
async function remaining(dir: string, ms: number): Promise<ProcessInfo[]> {
  const none = waitFor('no process to be left', () => processesUsing(dir).length === 0, { timeoutMs: ms });
  return none.then(
    () => [],
    () => processesUsing(dir),
  );
}

function devCluster(dir: string, config: string, nodes: DevNode[], bundle: CliOptions): DevCluster {
  const run = (args: string[], options: CliOptions = {}): Promise<CliResult> =>
    cli(args, { ...bundle, config, ...options });
  const document = async <T>(args: string[]): Promise<T> => (await cliOk(args, { ...bundle, config })).json.at(-1) as T;
  return {
    dir,
    config,
    nodes,
    cli: run,
    status: () => document<ClusterStatus>(['status', '--json']),
    record: async (updateId) =>
      document<UpdateRecord>(['updates', 'show', updateId ?? (await newest(document)), '--json']),
    logs: (lines = 40) => logsBelow(dir, lines),
    through: (other) => devCluster(dir, config, nodes, other === undefined ? {} : { bundle: other }),
    stop: () => stopDevCluster(dir, bundle),
  };
}

async function newest(document: <T>(args: string[]) => Promise<T>): Promise<string> {
  const [last] = await document<{ id: string }[]>(['updates', 'list', '--limit', '1', '--json']);
  if (last === undefined) throw new Error('no update is recorded');
  return last.id;
}

/** The tails of all logs of the nodes below `dir`; etcd's own is long-winded and rarely the one to look at. */
function logsBelow(dir: string, lines: number): string {
  const nodes = list(dir).filter((entry) => entry.isDirectory());
  return nodes
    .flatMap((node) => {
      const { log } = nodePaths(join(dir, node.name));
      const ours = list(log).filter((file) => file.name !== 'etcd.log');
      return ours.map((file) => join(log, file.name));
    })
    .map((file) => `--- ${file}\n${tail(file, lines)}`)
    .join('\n');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

function list(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
}

function tail(file: string, lines: number): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
