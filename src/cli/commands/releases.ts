/** `claudecluster releases …` */
import type { Command } from 'commander';
import type { ReleaseRow } from '../../cluster/control-api.ts';
import { ClusterError } from '../../errors.ts';
import { type Context, type GlobalOptions, jsonLine, wantsColor, withSession } from '../../front/context.ts';
import { type ExitCode, exit, exitCodesHelp } from '../../front/exit-codes.ts';
import { releasesTable } from '../../front/render/report.ts';
import { line, paintAll } from '../../front/render/text.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

interface QuarantineOptions extends GlobalOptions {
  why?: string;
}

export const register: Register = ({ program, ctx, run }) => {
  const releases = program
    .command('releases')
    .description('builds that the cluster knows, and which of them must not run');
  withGlobals(releases.command('list'))
    .description('every release: which nodes have it, which run it, quarantine')
    .addHelpText('after', examples('claudecluster releases list', 'claudecluster releases list --json'))
    .action((_, self) => run(list(ctx, optionsOf(self))));
  withGlobals(releases.command('quarantine'))
    .description('refuse this build in the whole cluster')
    .argument('<HASH>', 'buildHash, or the beginning of one that the cluster knows')
    .option('--why <text>', 'for the record (default: none)')
    .addHelpText('after', examples("claudecluster releases quarantine 1f3c5e7a90 --why 'leaks memory'"))
    .addHelpText('after', exitCodesHelp)
    .action((hash: string, _: unknown, self) => run(quarantine(ctx, hash, true, optionsOf<QuarantineOptions>(self))));
  lifting(withGlobals(releases.command('unquarantine')), 'unquarantine').action((hash: string, _: unknown, self) =>
    run(quarantine(ctx, hash, false, optionsOf<QuarantineOptions>(self))),
  );
  // Its former name: what was scripted against one version works on the next one, too (P11).
  lifting(withGlobals(releases.command('release', { hidden: true })), 'release').action(
    async (hash: string, _: unknown, self) => {
      await ctx.stderr.write(
        '`releases release` is called `releases unquarantine` now, and goes in the next version\n',
      );
      return run(quarantine(ctx, hash, false, optionsOf<QuarantineOptions>(self)));
    },
  );
};

function lifting(command: Command, name: string): Command {
  return command
    .description('lift the quarantine of a build: it may run again')
    .argument('<HASH>', 'buildHash, or the beginning of one that the cluster knows')
    .option('--why <text>', 'for the record (default: none)')
    .addHelpText(
      'after',
      examples(`claudecluster releases ${name} 1f3c5e7a90 --why 'the disk was full, not the build bad'`),
    )
    .addHelpText('after', exitCodesHelp);
}

export async function list(ctx: Context, options: GlobalOptions): Promise<ExitCode> {
  return withSession(ctx, options, async (session) => {
    const rows = await session.control.listReleases();
    if (options.json) await jsonLine(ctx, rows);
    else await ctx.stdout.write(paintAll(releasesTable(rows), wantsColor(ctx)));
    return exit.done;
  });
}

export async function quarantine(
  ctx: Context,
  hash: string,
  on: boolean,
  options: QuarantineOptions,
): Promise<ExitCode> {
  if (!/^[0-9a-f]{6,64}$/.test(hash)) {
    throw new ClusterError('usage', 'not a buildHash', { seen: hash, wanted: '6 to 64 lower-case hex digits' });
  }
  return withSession(ctx, options, async (session) => {
    const buildHash = hash.length === 64 ? hash : theOne(await session.control.listReleases(), hash);
    await session.control.setQuarantine(buildHash, on, ctx.user, options.why ?? '');
    if (options.json) await jsonLine(ctx, { buildHash, quarantined: on });
    else await ctx.stdout.write(paintAll([line(`${buildHash} ${on ? 'is quarantined' : 'may run again'}`)], false));
    return exit.done;
  });
}

function theOne(rows: ReleaseRow[], beginning: string): string {
  const fitting = rows.map(({ buildHash }) => buildHash).filter((each) => each.startsWith(beginning));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  throw new ClusterError('not-found', `${beginning} names ${fitting.length === 0 ? 'no' : 'more than one'} release`, {
    seen: fitting.join(', ') || 'no release that begins like this',
    wanted: 'the beginning of exactly one buildHash',
    next: 'claudecluster releases list',
  });
}
