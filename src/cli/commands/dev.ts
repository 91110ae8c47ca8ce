/** `claudecluster dev …`: a cluster on this machine. */
import { ClusterError } from '../../errors.ts';
import { type Context, type GlobalOptions, jsonLine } from '../../front/context.ts';
import { parseCount, parseDuration } from '../../front/duration.ts';
import { type ExitCode, exit, exitCodesHelp } from '../../front/exit-codes.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

interface UpOptions extends GlobalOptions {
  nodes?: string;
  workers?: string;
  dir?: string;
  heartbeat?: string;
  release?: string;
  timeout?: string;
  detach?: boolean;
}
interface DownOptions extends GlobalOptions {
  dir?: string;
  purge?: boolean;
}

/** etcd's own advice: more voters make every write slower and nothing safer. */
const mostVoters = 7;

export const register: Register = ({ program, ctx, run }) => {
  const dev = program.command('dev').description('a throw-away cluster on this machine, with certificates of its own');
  withGlobals(dev.command('up'))
    .description('make it if there is none in DIR, start it, wait until every node is healthy')
    .option('--nodes <count>', 'voters, each with an etcd member of its own (default 3)')
    .option('--workers <count>', 'nodes beside them that do not vote (default 0)')
    .option('--dir <dir>', 'where it lives (default ./.claudecluster-dev)')
    .option('--heartbeat <duration>', 'between two heartbeats of a node (default 5s)')
    .option('--release <dir>', 'build that the nodes begin with (default: this one, or ./dist)')
    .option('--timeout <duration>', 'for all nodes to be healthy (default 60s)')
    .option('--detach', 'leave it running in the background (default: stay, show the logs, stop it on Ctrl-C)')
    .addHelpText(
      'after',
      examples('claudecluster dev up', 'claudecluster dev up --nodes 5 --heartbeat 1s --detach --json'),
    )
    .addHelpText('after', exitCodesHelp)
    .action((_, self) => run(up(ctx, optionsOf<UpOptions>(self))));
  withGlobals(dev.command('down'))
    .description('stop it; its data stays, and dev up starts it again')
    .option('--dir <dir>', 'where it lives (default ./.claudecluster-dev)')
    .option('--purge', 'remove the directory, too (default: keep it)')
    .addHelpText('after', examples('claudecluster dev down', 'claudecluster dev down --purge --dir /tmp/c1'))
    .addHelpText('after', exitCodesHelp)
    .action((_, self) => run(down(ctx, optionsOf<DownOptions>(self))));
};

export async function up(ctx: Context, options: UpOptions): Promise<ExitCode> {
  const voters = options.nodes === undefined ? undefined : parseCount(options.nodes, '--nodes');
  if (voters !== undefined && voters > mostVoters) {
    throw new ClusterError('usage', '--nodes: too many voters', {
      seen: `${voters}`,
      wanted: `at most ${mostVoters}`,
      next: 'use --workers for more',
    });
  }
  const workers = options.workers === undefined ? undefined : parseCount(options.workers, '--workers', 0);
  const heartbeatMs = options.heartbeat === undefined ? undefined : parseDuration(options.heartbeat, '--heartbeat');
  const healthyWithinMs = parseDuration(options.timeout ?? '60s', '--timeout');
  const signal = ctx.interrupts('ignore');
  const [{ devDir }, { devUp }] = await Promise.all([import('../dev/place.ts'), import('../dev/up.ts')]);
  const dir = devDir(ctx, options.dir);
  const cluster = await devUp(ctx, {
    dir,
    healthyWithinMs,
    signal,
    ...(voters === undefined ? {} : { voters }),
    ...(workers === undefined ? {} : { workers }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(options.release === undefined ? {} : { release: options.release }),
  });
  const { devPaths } = await import('../dev/layout.ts');
  const { config } = devPaths(dir);
  if (options.json) {
    const nodes = cluster.nodes.map(({ nodeId, address, base }) => ({ nodeId, address, base }));
    await jsonLine(ctx, { dir, config, nodes });
  } else {
    const names = cluster.nodes.map(({ nodeId, address }) => `  ${nodeId}  ${address}\n`).join('');
    await ctx.stdout.write(
      `${cluster.nodes.length} nodes are healthy in ${dir}\n${names}\n` +
        `  export CLAUDECLUSTER_CONFIG=${config}\n  claudecluster status\n` +
        (options.detach ? `  claudecluster dev down --dir ${dir}\n` : '  Ctrl-C stops it\n'),
    );
  }
  return options.detach ? exit.done : inForeground(ctx, dir, signal);
}

async function inForeground(ctx: Context, dir: string, signal: AbortSignal): Promise<ExitCode> {
  const [{ followLogs }, { readDevCluster }, { devDown }] = await Promise.all([
    import('../dev/logs.ts'),
    import('../dev/create.ts'),
    import('../dev/down.ts'),
  ]);
  const nodes = readDevCluster(dir)?.nodes ?? [];
  try {
    await followLogs(nodes, ctx.clock, signal, (text) => ctx.stderr.write(text));
  } finally {
    await ctx.stderr.write('stopping the cluster\n');
    await devDown(ctx, dir, false);
  }
  return exit.done;
}

export async function down(ctx: Context, options: DownOptions): Promise<ExitCode> {
  // Half-stopped is worse than a second's patience.
  ctx.interrupts('ignore');
  const [{ devDir }, { devDown }] = await Promise.all([import('../dev/place.ts'), import('../dev/down.ts')]);
  const dir = devDir(ctx, options.dir);
  const done = await devDown(ctx, dir, options.purge === true);
  const what = done.nodes === 0 && !done.purged ? 'no cluster' : `${done.nodes} nodes are stopped`;
  if (options.json) await jsonLine(ctx, { dir, ...done });
  else await ctx.stdout.write(`${what} in ${dir}${done.purged ? ', which is removed' : ''}\n`);
  for (const process of done.ended) await ctx.stderr.write(`had to be ended: ${process}\n`);
  return exit.done;
}
