/** `claudecluster daemon` */
import { type Context, configFile, type GlobalOptions } from '../../front/context.ts';
import { type ExitCode, exit } from '../../front/exit-codes.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('daemon'))
    .description("this host's node, in the foreground; started by systemd or by claudecluster supervise")
    .addHelpText('after', examples('claudecluster daemon --config /etc/claudecluster/config.yaml'))
    .addHelpText('after', '\nSIGTERM: drains, moves the Raft leader away, stops etcd and ends within 10s.')
    .action((_, self) => run(daemon(ctx, optionsOf(self))));
};

export async function daemon(ctx: Context, options: GlobalOptions): Promise<ExitCode> {
  const { loadNodeConfig } = await import('../../daemon/config.ts');
  const { runDaemon } = await import('../../daemon/compose/daemon.ts');
  const config = loadNodeConfig(configFile(ctx, options));
  return (await runDaemon({ config, bundle: ctx.bundle })) ?? exit.done;
}
