/** `claudecluster releases …` */
import type { Command } from 'commander';
import { checkHashBeginning, isBuildHash, wholeHash } from '../../base/build-hash.ts';
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
    .argument('<HASH>', 'buildHash, or 8 digits and more of one that the cluster knows')
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
    .argument('<HASH>', 'buildHash, or 8 digits and more of one that the cluster knows')
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
  checkHashBeginning(hash, 'HASH');
  return withSession(ctx, options, async (session) => {
    const rows = isBuildHash(hash) ? [] : await session.control.listReleases();
    const known = rows.map((row) => row.buildHash);
    const buildHash = wholeHash(hash, known, 'that the cluster knows');
    await session.control.setQuarantine(buildHash, on, ctx.user, options.why ?? '');
    if (options.json) await jsonLine(ctx, { buildHash, quarantined: on });
    else await ctx.stdout.write(paintAll([line(`${buildHash} ${on ? 'is quarantined' : 'may run again'}`)], false));
    return exit.done;
  });
}
