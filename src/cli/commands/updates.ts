/** `claudecluster updates …` */

import type { ControlAction } from '../../cluster/control/control-api.ts';
import { type Context, type GlobalOptions, jsonLine, wantsColor, withSession } from '../../front/context.ts';
import { parseCount } from '../../front/duration.ts';
import { type ExitCode, exit, exitCodesHelp } from '../../front/exit-codes.ts';
import { follow } from '../../front/follow.ts';
import { recordHead, reportLines, updatesTable } from '../../front/render/report.ts';
import { line, paintAll } from '../../front/render/text.ts';
import { reportOf } from '../../front/report.ts';
import { updateToShow, updateToSteer } from '../../front/which-update.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

interface ListOptions extends GlobalOptions {
  limit?: string;
}
interface WatchOptions extends GlobalOptions {
  from?: string;
}
interface ControlOptions extends GlobalOptions {
  why?: string;
}

const actions: Record<ControlAction, string> = {
  pause: 'stop between two nodes; a node on trial is finished first',
  resume: 'go on after a pause',
  abort: 'stop now: a node on trial goes back, what was updated stays',
  revert: 'walk the updated nodes back to what each of them ran, in reverse order',
};

export const register: Register = ({ program, ctx, run }) => {
  const updates = program
    .command('updates')
    .description('what was updated, what is being updated, and how to steer it');
  withGlobals(updates.command('list'))
    .description('updates, newest first')
    .option('--limit <count>', 'how many (default 20)')
    .addHelpText('after', examples('claudecluster updates list', 'claudecluster updates list --limit 5 --json'))
    .action((_, self) => run(list(ctx, optionsOf<ListOptions>(self))));
  withGlobals(updates.command('show'))
    .description('one update: its record, every node with the time of each step, what failed and why')
    .argument('<ID>', 'as updates list shows it')
    .addHelpText(
      'after',
      examples('claudecluster updates show u-3f9c0a51', 'claudecluster updates show u-3f9c0a51 --json'),
    )
    .action((id: string, _: unknown, self) => run(show(ctx, id, optionsOf(self))));
  withGlobals(updates.command('watch'))
    .description('follow an update to its end')
    .argument('[ID]', 'default: the one that runs, or the last one')
    .option('--from <number>', 'only events after this number (default 0)')
    .addHelpText(
      'after',
      examples('claudecluster updates watch', 'claudecluster updates watch u-3f9c0a51 --from 12 --json'),
    )
    .addHelpText('after', exitCodesHelp)
    .action((id: string | undefined, _: unknown, self) => run(watch(ctx, id ?? '', optionsOf<WatchOptions>(self))));
  for (const [action, help] of Object.entries(actions) as [ControlAction, string][]) {
    withGlobals(updates.command(action))
      .description(help)
      .argument('[ID]', 'default: the one that runs')
      .option('--why <text>', 'for the record (default: none)')
      .addHelpText(
        'after',
        examples(`claudecluster updates ${action}`, `claudecluster updates ${action} --why 'maintenance'`),
      )
      .addHelpText('after', exitCodesHelp)
      .action((id: string | undefined, _: unknown, self) =>
        run(steer(ctx, action, id ?? '', optionsOf<ControlOptions>(self))),
      );
  }
};

export async function list(ctx: Context, options: ListOptions): Promise<ExitCode> {
  const limit = parseCount(options.limit ?? '20', '--limit');
  return withSession(ctx, options, async (session) => {
    const rows = await session.control.listUpdates(limit);
    if (options.json) await jsonLine(ctx, rows);
    else await ctx.stdout.write(paintAll(updatesTable(rows), wantsColor(ctx)));
    return exit.done;
  });
}

export async function show(ctx: Context, id: string, options: GlobalOptions): Promise<ExitCode> {
  return withSession(ctx, options, async (session) => {
    const record = await session.control.getUpdate(id);
    if (options.json) await jsonLine(ctx, record);
    else {
      const tookMs = record.endedAt ? Date.parse(record.endedAt) - Date.parse(record.startedAt) : 0;
      const rows = [...recordHead(record), [], ...reportLines(reportOf(record, 0, tookMs))];
      await ctx.stdout.write(paintAll(rows, wantsColor(ctx)));
    }
    return exit.done;
  });
}

export async function watch(ctx: Context, id: string, options: WatchOptions): Promise<ExitCode> {
  const after = parseCount(options.from ?? '0', '--from', 0);
  const startedMs = ctx.clock.nowMs();
  return withSession(ctx, options, async (session) => {
    const updateId =
      id === ''
        ? await updateToShow(session, 'there is no update to watch', 'claudecluster update DIST begins one')
        : id;
    const record = await session.control.getUpdate(updateId);
    return follow(ctx, session, { updateId, after, record, pushedBytes: 0, startedMs, json: options.json === true });
  });
}

export async function steer(
  ctx: Context,
  action: ControlAction,
  id: string,
  options: ControlOptions,
): Promise<ExitCode> {
  return withSession(ctx, options, async (session) => {
    const updateId =
      id === '' ? await updateToSteer(session, action, 'claudecluster updates list shows those that ended') : id;
    const record = await session.control.controlUpdate(updateId, action, ctx.user, options.why ?? '');
    if (options.json) await jsonLine(ctx, record);
    else {
      const text = `${action} taken for ${record.id} (${record.state}). Watch it: claudecluster updates watch ${record.id}`;
      await ctx.stdout.write(paintAll([line(text)], false));
    }
    return exit.done;
  });
}
