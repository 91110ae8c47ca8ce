/** `claudecluster bootstrap`: the explicit, one-time founding of a cluster, told to one node. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { ClusterError } from '../../errors.ts';
import { type Context, configFile, type GlobalOptions, jsonLine } from '../../front/context.ts';
import { type ExitCode, exit, exitCodesHelp } from '../../front/exit-codes.ts';
import { line, paintAll } from '../../front/render/text.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

interface BootstrapOptions extends GlobalOptions {
  cluster: string;
  voter: string[];
  worker?: string[];
  join?: boolean;
}

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('bootstrap'))
    .description('tell this node, once, which cluster it founds or joins; a node never does either by itself')
    .requiredOption('--cluster <id>', "the cluster's id, the one in the certificates (required)")
    .requiredOption(
      '--voter <name=host:port...>',
      'every first voter: nodeId and the address of its etcd for its peers (required)',
    )
    .option(
      '--worker <name...>',
      'workers that belong to the cluster from the start (default: none; later ones are approved)',
    )
    .option('--join', 'the member was added to a group that runs (etcdctl member add) (default: found a new one)')
    .addHelpText(
      'after',
      examples(
        'claudecluster bootstrap --config /etc/claudecluster/config.yaml --cluster prod-1 \\',
        '  --voter n1=10.0.0.1:2380 n2=10.0.0.2:2380 n3=10.0.0.3:2380',
      ),
    )
    .addHelpText('after', exitCodesHelp)
    .action((_, self) => run(bootstrap(ctx, optionsOf<BootstrapOptions>(self))));
};

async function bootstrap(ctx: Context, options: BootstrapOptions): Promise<ExitCode> {
  const [
    { loadNodeConfig },
    { nodePaths },
    { bootstrapPaths, bootstrapSchema },
    { writeJsonAtomic },
    { identityOfPem },
  ] = await Promise.all([
    import('../../daemon/config.ts'),
    import('../../base/paths.ts'),
    import('../../members/bootstrap-files.ts'),
    import('../../base/files.ts'),
    import('../../grpc/identity.ts'),
  ]);
  const config = loadNodeConfig(configFile(ctx, options));
  const { cert } = config.tls;
  // It may come later; where it is there a typing error is found before it is founded for good.
  const certified = existsSync(cert) ? identityOfPem(readFileSync(cert), cert).clusterId : options.cluster;
  if (certified !== options.cluster) {
    throw new ClusterError('usage', `--cluster is not the cluster of this node's certificate`, {
      nodeId: config.nodeId,
      seen: options.cluster,
      wanted: `${certified}, as in ${cert}`,
      next: 'give that one, or issue the certificates for the other',
    });
  }
  const initialCluster = options.voter.map(parseVoter);
  if (config.role === 'voter' && !initialCluster.some(({ name }) => name === config.nodeId)) {
    throw new ClusterError('usage', `--voter does not name this node, ${config.nodeId}`, {
      nodeId: config.nodeId,
      seen: initialCluster.map(({ name }) => name).join(', '),
      wanted: `${config.nodeId} among the voters`,
      next: 'give every first voter, this node too, or set role: worker',
    });
  }
  const paths = bootstrapPaths(nodePaths(config.base).data);
  for (const file of [paths.cluster, paths.bootstrap]) {
    if (!existsSync(file)) continue;
    throw new ClusterError('usage', `${config.nodeId} was told already which cluster is its own`, {
      nodeId: config.nodeId,
      seen: file,
      wanted: 'a node that belongs to no cluster yet',
      next: 'founding happens once; to make a new node of it, use an empty base directory',
    });
  }
  const nodes = [...initialCluster.map(({ name }) => name), ...(options.worker ?? [])];
  const kind = options.join === true ? ('join' as const) : ('new' as const);
  mkdirSync(paths.data, { recursive: true });
  writeJsonAtomic(paths.bootstrap, bootstrapSchema.parse({ clusterId: options.cluster, kind, initialCluster, nodes }));
  if (options.json) await jsonLine(ctx, { nodeId: config.nodeId, clusterId: options.cluster, file: paths.bootstrap });
  else
    await ctx.stdout.write(
      paintAll(
        [line(`${config.nodeId} will ${kind === 'new' ? 'found' : 'join'} ${options.cluster}: start its daemon`)],
        false,
      ),
    );
  return exit.done;
}

function parseVoter(text: string): { name: string; peer: string } {
  const [, name, peer] = /^([a-z0-9][a-z0-9-]*)=(\S+:\d{1,5})$/.exec(text) ?? [];
  if (name !== undefined && peer !== undefined) return { name, peer };
  throw new ClusterError('usage', `--voter ${text}: not a voter`, { wanted: 'NODE=HOST:PORT', next: 'see --help' });
}
