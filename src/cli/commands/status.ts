/** `claudecluster status` */
import type { ClusterStatus } from '../../cluster/control/status.ts';
import { asClusterError } from '../../errors.ts';
import { type Context, type GlobalOptions, jsonLine, wantsColor, withSession } from '../../front/context.ts';
import { parseDuration } from '../../front/duration.ts';
import { type ExitCode, exit, exitCodesHelp } from '../../front/exit-codes.ts';
import { createLiveScreen } from '../../front/live.ts';
import { errorLines } from '../../front/render/error.ts';
import { statusLines } from '../../front/render/status.ts';
import { type Line, paintAll } from '../../front/render/text.ts';
import type { Session } from '../../front/session.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

interface StatusOptions extends GlobalOptions {
  watch?: boolean;
  every?: string;
}

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('status'))
    .description('quorum, leader, and every node with what it runs')
    .option('--watch', 'show it again and again, until Ctrl-C (default: once)')
    .option('--every <duration>', 'with --watch: pause between two looks (default 1s)')
    .addHelpText(
      'after',
      examples('claudecluster status', 'claudecluster status --json', 'claudecluster status --watch --every 500ms'),
    )
    .addHelpText('after', exitCodesHelp)
    .action((_, command) => run(status(ctx, optionsOf<StatusOptions>(command))));
};

export async function status(ctx: Context, options: StatusOptions): Promise<ExitCode> {
  const everyMs = parseDuration(options.every ?? '1s', '--every');
  return withSession(ctx, options, async (session) => {
    if (options.watch) return watchStatus(ctx, session, options.json === true, everyMs);
    const seen = await session.control.status();
    if (options.json) await jsonLine(ctx, seen);
    else await ctx.stdout.write(paintAll(statusLines(seen), wantsColor(ctx)));
    return exit.done;
  });
}

async function watchStatus(ctx: Context, session: Session, json: boolean, everyMs: number): Promise<ExitCode> {
  const stop = ctx.interrupts();
  const screen = createLiveScreen(ctx.stdout, wantsColor(ctx));
  let last = '';
  const show = async (rows: Line[], document: unknown): Promise<void> => {
    if (!json && ctx.stdout.isTty) return screen.draw(rows);
    const text = json ? `${JSON.stringify(document)}\n` : `${paintAll(rows, false)}\n`;
    if (text !== last) await ctx.stdout.write(text);
    last = text;
  };
  try {
    while (!stop.aborted) {
      await show(...(await look(session)));
      await ctx.clock.sleep(everyMs, stop);
    }
  } finally {
    await screen.end();
  }
  return exit.done;
}

/** What there is to show, for people and for machines. */
async function look(session: Session): Promise<[Line[], unknown]> {
  try {
    const seen: ClusterStatus = await session.control.status();
    return [statusLines(seen), seen];
  } catch (thrown) {
    const error = asClusterError(thrown);
    // A cluster in the middle of a change of leader answers again; anything else will not get better by waiting.
    if (error.code !== 'unavailable' && error.code !== 'no-leader') throw error;
    return [errorLines(error), { error }];
  }
}
