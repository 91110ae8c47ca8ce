/** `claudecluster mcp` */
import { type Context, configFile, type GlobalOptions } from '../../front/context.ts';
import { type ExitCode, exit } from '../../front/exit-codes.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('mcp'))
    .description('serve the tools for AI agents over stdio (Model Context Protocol); logs go to stderr')
    .addHelpText('after', examples('claudecluster mcp --config /etc/claudecluster/client.yaml'))
    .action((_, self) => run(mcp(ctx, optionsOf(self))));
};

export async function mcp(ctx: Context, options: GlobalOptions): Promise<ExitCode> {
  await ctx.serveMcp(configFile(ctx, options));
  return exit.done;
}
