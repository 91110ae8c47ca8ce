/** `claudecluster supervise` */
import { type Context, configFile, type GlobalOptions } from '../../front/context.ts';
import { type ExitCode, exit } from '../../front/exit-codes.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('supervise'))
    .description('keep the daemon of one node running where there is no systemd: guard, daemon, again and again')
    .addHelpText('after', examples('claudecluster supervise --config /srv/node/config.yaml'))
    .addHelpText('after', '\nSIGTERM or SIGINT stops the daemon and ends. Logs go to stderr.')
    .action((_, self) => run(supervise(ctx, optionsOf(self))));
};

export async function supervise(ctx: Context, options: GlobalOptions): Promise<ExitCode> {
  const [{ loadNodeConfig }, { runSupervisor }, { convertDist }, { importHere }, { destination, pino }] =
    await Promise.all([
      import('../../daemon/config.ts'),
      import('../../host/managers/supervisor/supervise.ts'),
      import('../../host/convert.ts'),
      import('../compose/releases.ts'),
      import('pino'),
    ]);
  const config = loadNodeConfig(configFile(ctx, options));
  const logger = pino({ level: config.logLevel, base: { nodeId: config.nodeId } }, destination({ fd: 2, sync: true }));
  for (const warning of config.warnings) logger.warn({ file: config.file }, warning);
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
        importDirectory: (into, dir) => importHere(into, dir, config.diskReserveBytes),
        atIso: ctx.clock.wallIso(),
      }),
  });
  return exit.done;
}
