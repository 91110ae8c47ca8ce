/** `claudecluster nodes …` */
import { type Context, type GlobalOptions, jsonLine, withSession } from '../../front/context.ts';
import { type ExitCode, exit, exitCodesHelp } from '../../front/exit-codes.ts';
import { line, paintAll } from '../../front/render/text.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

export const register: Register = ({ program, ctx, run }) => {
  const nodes = program.command('nodes').description('who belongs to the cluster');
  withGlobals(nodes.command('approve'))
    .description('let a node in that waits as pending_approval')
    .argument('<NODE>', 'nodeId, as status shows it')
    .addHelpText('after', examples('claudecluster nodes approve w4'))
    .addHelpText('after', exitCodesHelp)
    .action((node: string, _: unknown, self) => run(approve(ctx, node, optionsOf(self))));
};

export async function approve(ctx: Context, nodeId: string, options: GlobalOptions): Promise<ExitCode> {
  return withSession(ctx, options, async (session) => {
    await session.control.approveNode(nodeId);
    if (options.json) await jsonLine(ctx, { nodeId, approved: true });
    else await ctx.stdout.write(paintAll([line(`${nodeId} is approved`)], false));
    return exit.done;
  });
}
