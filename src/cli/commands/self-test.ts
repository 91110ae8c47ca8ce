/** `claudecluster self-test` */
import { asClusterError } from '../../errors.ts';
import { type Context, type GlobalOptions, jsonLine } from '../../front/context.ts';
import { type ExitCode, exit } from '../../front/exit-codes.ts';
import { errorLines } from '../../front/render/error.ts';
import { paintAll } from '../../front/render/text.ts';
import { selfTest } from '../compose/self-test.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('self-test'))
    .description('does this build load on this host? Asked of every release before it may be switched to')
    .addHelpText('after', examples('node releases/HASH/index.js self-test', 'claudecluster self-test --json'))
    .addHelpText('after', '\nExit codes: 0 it loads · anything else: it does not, with the reason on stderr')
    .action((_, self) => run(runSelfTest(ctx, optionsOf(self))));
};

/** 0 or 1, whatever it was: who asks only wants to know whether the build may be switched to. */
export async function runSelfTest(ctx: Context, options: GlobalOptions): Promise<ExitCode> {
  try {
    const worked = await selfTest(ctx.bundle, process.versions.node);
    if (options.json) await jsonLine(ctx, { ok: true, worked });
    else await ctx.stdout.write(`ok: ${worked.join(', ')}\n`);
    return exit.done;
  } catch (thrown) {
    const error = asClusterError(thrown, 'self-test-failed');
    if (options.json) await jsonLine(ctx, { error });
    else await ctx.stderr.write(paintAll(errorLines(error), false));
    return exit.unexpected;
  }
}
