/** `claudecluster version` */
import { type Context, type GlobalOptions, jsonLine } from '../../front/context.ts';
import { type ExitCode, exit } from '../../front/exit-codes.ts';
import { ownVersion } from '../../front/own-version.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('version'))
    .description('what build this is')
    .addHelpText('after', examples('claudecluster version', 'claudecluster version --json'))
    .action((_, self) => run(version(ctx, optionsOf(self))));
};

export async function version(ctx: Context, options: GlobalOptions): Promise<ExitCode> {
  const own = await ownVersion(ctx.bundle);
  if (options.json) {
    await jsonLine(ctx, own ?? { version: 'source', buildHash: null, gitCommit: null });
    return exit.done;
  }
  const text =
    own === null
      ? `claudecluster from source (${ctx.bundle})\n`
      : `claudecluster ${own.version}\n  build   ${own.buildHash}\n  commit  ${own.gitCommit}\n  built   ${own.builtAt}\n` +
        `  speaks  protocol ${own.protocol.min} to ${own.protocol.max}\n  needs   Node ${own.node}\n`;
  await ctx.stdout.write(text);
  return exit.done;
}
