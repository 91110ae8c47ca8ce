/** `dev up`: a whole cluster on this machine, made once, started any number of times. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { findPrograms } from '../../daemon/etcd/find.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import type { Context } from '../../front/context.ts';
import { importHere } from '../compose/releases.ts';
import { issueCertificates } from './certificates.ts';
import { createDevCluster, readDevCluster } from './create.ts';
import { type HealthyWait, untilHealthy } from './healthy.ts';
import type { DevCluster } from './layout.ts';
import { logTails } from './logs.ts';
import { refuseForeign, takePlace } from './place.ts';
import { isSupervised, startSupervisor, stopNodes } from './processes.ts';

export interface UpRequest extends HealthyWait {
  /** undefined: as it was made, or 3 and 0. */
  voters?: number;
  workers?: number;
  heartbeatMs?: number;
  /** Directory of the build that the nodes begin with. */
  release?: string;
}

/**
 * Makes the cluster if there is none in the directory, starts it, and returns when every node is healthy. When that does
 * not happen in time, everything that was started is stopped, the ends of the logs are printed, and what this call made
 * is removed: no process and no directory is left that was not there before.
 */
export async function devUp(ctx: Context, request: UpRequest): Promise<DevCluster> {
  refuseForeign(request.dir);
  const known = readDevCluster(request.dir);
  if (known) checkSame(known, request);
  // Said before anything is made: without them every node would fail, a minute later, and say less.
  await findPrograms([{ name: 'etcd' }, { name: 'rsync' }], { path: ctx.env.PATH, cwd: ctx.cwd });
  if (known) return start(ctx, known, request);
  const undo = takePlace(request.dir);
  try {
    return await start(ctx, await make(ctx, request), request);
  } catch (thrown) {
    await undo();
    throw thrown;
  }
}

async function start(ctx: Context, cluster: DevCluster, request: UpRequest): Promise<DevCluster> {
  const running = await Promise.all(cluster.nodes.map(isSupervised));
  const env = withoutOwn(ctx.env);
  const execPath = ctx.program[0] ?? process.execPath;
  const started = cluster.nodes.flatMap((node, index) =>
    running[index] ? [] : [startSupervisor(node, execPath, env)],
  );
  try {
    await untilHealthy(ctx, cluster, started, request);
    return cluster;
  } catch (thrown) {
    const error = asClusterError(thrown);
    const logs = logTails(cluster.nodes, 15);
    // Only what this call started is taken down: the rest ran before, and is not ours to end.
    const ours = cluster.nodes.filter((_, index) => !running[index]);
    await stopNodes(ours, ctx.clock);
    if (!request.signal.aborted) await ctx.stderr.write(`${logs}\n`);
    throw error;
  }
}

async function make(ctx: Context, request: UpRequest): Promise<DevCluster> {
  const release = await releaseToStartWith(ctx, request.release);
  return createDevCluster(
    {
      clock: ctx.clock,
      execPath: ctx.program[0] ?? process.execPath,
      importRelease: importHere,
      issueCertificates,
    },
    {
      dir: request.dir,
      voters: request.voters ?? 3,
      workers: request.workers ?? 0,
      heartbeatMs: request.heartbeatMs ?? 5000,
      release: release.dir,
      version: release.version,
    },
  );
}

/** The build that this very command belongs to; from source there is none, so one is named or found in ./dist. */
async function releaseToStartWith(ctx: Context, given: string | undefined): ReturnType<Context['inspectRelease']> {
  const own = dirname(ctx.bundle);
  if (given === undefined && existsSync(join(own, 'version.json'))) return ctx.inspectRelease(own);
  const dir = resolve(ctx.cwd, given ?? 'dist');
  if (existsSync(dir)) return ctx.inspectRelease(dir);
  throw new ClusterError('usage', 'there is no build for the nodes to begin with', {
    seen: `${dir} is not there`,
    wanted: '--release DIR with index.js, guard.js and version.json',
    next: 'npm run build',
  });
}

function checkSame(known: DevCluster, request: UpRequest): void {
  const count = (role: string): number => known.nodes.filter((node) => node.role === role).length;
  const different = [
    ['--nodes', request.voters, count('voter')],
    ['--workers', request.workers, count('worker')],
    ['--heartbeat', request.heartbeatMs, known.heartbeatMs],
  ].find(([, wanted, made]) => wanted !== undefined && wanted !== made);
  if (!different) return;
  const [flag, wanted, made] = different;
  throw new ClusterError('usage', `the cluster in ${request.dir} was made with another ${flag}`, {
    seen: `made with ${made}${flag === '--heartbeat' ? ' ms' : ''}`,
    wanted: `${wanted}`,
    next: `leave ${flag} out to start it as it is, or claudecluster dev down --purge --dir ${request.dir} first`,
  });
}

/** What this process was told about a cluster is not what the new one is to hear. */
function withoutOwn(env: Context['env']): Context['env'] {
  const { CLAUDECLUSTER_CONFIG: _, ...rest } = env;
  return rest;
}
