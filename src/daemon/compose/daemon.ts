/** A node's process: what it holds, what its signals mean, and its end. The node itself is put together in node.ts. */
import { mkdirSync } from 'node:fs';
import { type Logger as Pino, pino } from 'pino';
import { systemClock } from '../../adapters/system-clock.ts';
import { nodePaths } from '../../base/paths.ts';
import { stderrDestination } from '../../base/stderr.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import { watchBase } from '../base-watch.ts';
import type { NodeConfig } from '../config.ts';
import { daemonLock, holdDaemon } from '../daemon-lock.ts';
import { endsWithoutEtcd, etcdOfHost } from './host.ts';
import { composeNode } from './node.ts';

/** Whatever is not done by then when asked to stop is left, ms: systemd and people expect an end within 10 s. */
const shutdownMs = 9_000;

export interface DaemonRequest {
  config: NodeConfig;
  /** Path of the bundle that runs: <base>/dist/index.js. */
  bundle: string;
}

/** Runs the node until SIGTERM or SIGINT. Returns the exit code. Throws ClusterError: what keeps it from being started. */
export async function runDaemon({ config, bundle }: DaemonRequest): Promise<number> {
  const paths = nodePaths(config.base);
  for (const dir of [paths.data, paths.run, paths.log, paths.releases]) mkdirSync(dir, { recursive: true });
  const logger = pino({ level: config.logLevel, base: { nodeId: config.nodeId } }, stderrDestination());
  for (const warning of config.warnings) logger.warn({ file: config.file }, warning);
  const letGo = holdDaemon(config.base, 'daemon');
  const stop = new AbortController();
  dieLoudly(logger);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      logger.info({ signal }, 'asked to stop');
      stop.abort();
    });
  }
  const etcdUsable = etcdOfHost(config);
  if (endsWithoutEtcd(config.base)) await etcdUsable();
  const node = await composeNode({ config, bundle, logger, etcdUsable });
  logger.info({ incarnation: node.incarnation, release: node.release }, 'started');
  let gone: string | null = null;
  const { base } = config;
  void watchBase({ base, clock: systemClock, logger, lock: daemonLock(base) }, stop.signal).then((seen) => {
    gone = seen;
    if (seen !== null) logger.fatal({ seen }, 'the base directory is gone: the daemon ends');
    stop.abort();
  });
  await node.life.run(stop.signal);
  const timer = setTimeout(() => {
    logger.error({}, `not stopped after ${shutdownMs} ms: leaving the rest`);
    process.exit(gone === null ? 0 : 5);
  }, shutdownMs);
  await node.life.shutDown();
  clearTimeout(timer);
  letGo();
  logger.info({}, 'stopped');
  if (gone === null) return 0;
  const next = 'start the node again where its directory is now';
  throw new ClusterError('operator-needed', 'the base directory of this node is gone', {
    seen: gone,
    wanted: base,
    next,
  });
}

/** A half-dead daemon helps nobody: whatever was not caught ends the process, and the service manager starts a new one. */
function dieLoudly(logger: Pino): void {
  const die = (what: string) => (thrown: unknown) => {
    const error = asClusterError(thrown);
    const stack = (error.cause instanceof Error ? error.cause : error).stack;
    logger.fatal({ err: error.toJSON(), stack }, what);
    process.exit(1);
  };
  process.on('unhandledRejection', die('unhandled rejection'));
  process.on('uncaughtException', die('uncaught exception'));
}
