/** `claudecluster supervise` */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Option } from 'commander';
import { nodePaths } from '../../base/paths.ts';
import type { NodeConfig } from '../../daemon/config.ts';
import { asClusterError } from '../../errors.ts';
import { type Context, configFile, type GlobalOptions } from '../../front/context.ts';
import { type ExitCode, exit } from '../../front/exit-codes.ts';
import type { Logger } from '../../ports/logger.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

interface SuperviseOptions extends GlobalOptions {
  takeOver?: boolean;
}

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('supervise'))
    .description('keep the daemon of one node running where there is no systemd: guard, daemon, again and again')
    // Only a supervisor calls its successor like that (docs/adr/0018): the words are part of what builds say to each other.
    .addOption(new Option('--take-over', 'from the supervisor that starts this one').hideHelp())
    .addHelpText('after', examples('claudecluster supervise --config /srv/node/config.yaml'))
    .addHelpText('after', '\nSIGTERM or SIGINT stops the daemon and ends. Logs go to stderr.')
    .action((_, self) => run(supervise(ctx, optionsOf<SuperviseOptions>(self))));
};

export async function supervise(ctx: Context, options: SuperviseOptions): Promise<ExitCode> {
  const [{ loadNodeConfig }, { runSupervisor }, { predecessorOf }, { convertDist }, { importerOf }] = await Promise.all(
    [
      import('../../daemon/config.ts'),
      import('../../host/managers/supervisor/supervise.ts'),
      import('../../host/managers/supervisor/predecessor.ts'),
      import('../../host/convert.ts'),
      import('../compose/releases.ts'),
    ],
  );
  const [{ verifyRelease }, { stderrDestination }, { pino }] = await Promise.all([
    import('../../release/store.ts'),
    import('../../base/stderr.ts'),
    import('pino'),
  ]);
  const config = loadNodeConfig(configFile(ctx, options));
  const logger = pino({ level: config.logLevel, base: { nodeId: config.nodeId } }, stderrDestination());
  for (const warning of config.warnings) logger.warn({ file: config.file }, warning);
  const predecessor = options.takeOver ? predecessorOf(process) : undefined;
  if (predecessor === undefined) await lookAtHost(ctx, config, logger);
  await runSupervisor({
    configFile: config.file,
    base: config.base,
    clock: ctx.clock,
    logger,
    // A supervisor that is told twice to stop must not leave its daemon behind.
    signal: ctx.interrupts('ignore'),
    convert: (base) =>
      convertDist({
        base,
        importDirectory: importerOf(config),
        atIso: ctx.clock.wallIso(),
      }),
    codeDir: dirname(ctx.bundle),
    verify: verifyRelease,
    ...(predecessor === undefined ? {} : { predecessor }),
  });
  return exit.done;
}

/**
 * What no release brings and no start would get far without is said at once, instead of by a daemon again and again.
 * Throws ClusterError 'operator-needed' without etcd on a voter; not during a trial or a probation, which must end whatever is missing (P3).
 */
async function lookAtHost(ctx: Context, config: NodeConfig, logger: Logger): Promise<void> {
  const { findPrograms } = await import('../../daemon/etcd/find.ts');
  const places = { path: ctx.env.PATH, cwd: config.base };
  const complain = (thrown: unknown): void =>
    logger.error({ err: asClusterError(thrown).toJSON() }, 'something is missing on this host');
  if (!('endpoints' in config.etcd)) {
    const { trial, trialEnding, probation } = nodePaths(config.base);
    const onTrial = [trial, trialEnding, probation].some((path) => existsSync(path));
    const looking = findPrograms([{ name: 'etcd', binary: config.etcd.binary }], places);
    await (onTrial ? looking.catch(complain) : looking);
  }
  // Needed when a release is to be fetched, and not before.
  await findPrograms([{ name: 'rsync' }], places).catch(complain);
}
