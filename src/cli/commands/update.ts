/** `claudecluster update` */

import { checkHashBeginning } from '../../base/build-hash.ts';
import type { StartRequest } from '../../cluster/control/control-api.ts';
import type { UpdatePlan } from '../../cluster/update/update-plan.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import { type Context, type GlobalOptions, jsonLine, wantsColor, withSession } from '../../front/context.ts';
import { type ExitCode, exit, exitCodesHelp, exitOfError, exitOfPlan } from '../../front/exit-codes.ts';
import { follow } from '../../front/follow.ts';
import { planLines } from '../../front/render/plan.ts';
import { paintAll } from '../../front/render/text.ts';
import { refusedReport } from '../../front/report.ts';
import type { Session } from '../../front/session.ts';
import { bringRelease } from '../../front/update-flow.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';
import { addUpdateFlags, updateOptionsOf } from '../update-flags.ts';

interface UpdateCommandOptions extends GlobalOptions, Record<string, unknown> {
  dryRun?: boolean;
  yes?: boolean;
  plan?: string;
}

export const register: Register = ({ program, ctx, run }) => {
  const command = withGlobals(program.command('update'))
    .description('walk a release through the cluster, one voter at a time, under the quorum')
    .argument(
      '[DIST]',
      "a directory with a build, or a buildHash that the leader has, or its first 8 digits (default: the leader's own dist)",
    )
    .option('--dry-run', 'preflight only: the plan, or the reasons to refuse; nothing is updated (default: go)')
    .option('--yes', 'begin without a question, whatever the plan is (default: ask on a terminal, refuse without one)')
    .option(
      '--plan <hash>',
      'begin without a question, only if the plan still has this hash, as --dry-run shows it (default: any)',
    );
  addUpdateFlags(command)
    .addHelpText(
      'after',
      examples(
        'claudecluster update dist --dry-run        what would happen',
        'claudecluster update dist                  ask, then go, and watch it live',
        'claudecluster update dist --plan 03f4c3a7  go, if the plan is still the one that was shown',
        'claudecluster update dist --yes --json     for machines; the last line is the report',
        'claudecluster update dist --on-failure revert --health-timeout 30s',
      ),
    )
    .addHelpText('after', `\nDurations take a unit: 1500ms, 60s, 2m, 1h. Ctrl-C stops watching, never the update.`)
    .addHelpText('after', exitCodesHelp)
    .action((dist: string | undefined, _: unknown, self) =>
      run(update(ctx, dist, optionsOf<UpdateCommandOptions>(self))),
    );
};

export async function update(ctx: Context, dist: string | undefined, options: UpdateCommandOptions): Promise<ExitCode> {
  const updateOptions = updateOptionsOf(options);
  if (options.plan !== undefined) checkHashBeginning(options.plan, '--plan');
  checkConsent(ctx, dist, options);
  const request: StartRequest = { by: ctx.user, options: updateOptions };
  if (options.plan) request.planHash = options.plan;
  const so: SoFar = { startedMs: ctx.clock.nowMs(), pushedBytes: 0, plan: null, began: false };
  try {
    return await withSession(ctx, options, (session) => planAndGo(ctx, session, dist, request, options, so));
  } catch (thrown) {
    const error = asClusterError(thrown);
    const code = exitOfError(error.code);
    if (!options.json || so.began || (code !== exit.refused && code !== exit.failed)) throw error;
    // The last JSON line has an outcome also when the release, the push or the start was what failed.
    const report = refusedReport(so.plan, so.pushedBytes, ctx.clock.nowMs() - so.startedMs);
    await jsonLine(ctx, { ...report, outcome: code === exit.refused ? 'refused' : 'failed', error });
    return code;
  }
}

/** An update begins when somebody said so: here and now at the question, or in the command itself (docs/adr/0017). */
function isAgreed({ yes, plan }: UpdateCommandOptions): boolean {
  return yes === true || plan !== undefined;
}

/** Throws ClusterError 'usage', before anything is pushed, when nobody has agreed and nobody can be asked. */
function checkConsent(ctx: Context, dist: string | undefined, options: UpdateCommandOptions): void {
  if (options.dryRun || isAgreed(options) || (ctx.canAsk && !options.json)) return;
  const command = ['claudecluster update', ...(dist === undefined ? [] : [dist])].join(' ');
  throw new ClusterError('usage', 'nobody can be asked whether the update may begin', {
    seen: options.json ? '--json, which has no place for a question' : 'no terminal on standard input and output',
    wanted: '--yes to begin whatever the plan is, or --plan HASH to begin that plan only',
    next: `${command} --dry-run shows the plan and its hash`,
  });
}

/** How far it came. */
interface SoFar {
  startedMs: number;
  pushedBytes: number;
  plan: UpdatePlan | null;
  began: boolean;
}

async function planAndGo(
  ctx: Context,
  session: Session,
  dist: string | undefined,
  request: StartRequest,
  options: UpdateCommandOptions,
  so: SoFar,
): Promise<ExitCode> {
  const say = (text: string): Promise<void> => ctx.stderr.write(`${text}\n`);
  const target = await bringRelease(ctx, session, dist, say);
  so.pushedBytes = target.bytesTransferred;
  if (target.buildHash) request.buildHash = target.buildHash;
  so.plan = await session.control.plan(request);
  const enough = await showPlan(ctx, so.plan, options, so);
  if (enough !== null) return enough;
  if (!isAgreed(options)) {
    if (!(await ctx.ask('Begin? [y/N] '))) {
      await say('Nothing was begun.');
      return exit.done;
    }
    // What was shown is what was agreed to: it goes only as long as it is still the plan.
    request.planHash = so.plan.planHash;
  }
  // From here on Ctrl-C is about the view: the update belongs to the cluster.
  ctx.interrupts();
  const record = await session.control.start(request);
  so.began = true;
  const { startedMs, pushedBytes } = so;
  return follow(ctx, session, {
    updateId: record.id,
    after: 0,
    record,
    pushedBytes,
    startedMs,
    json: options.json === true,
  });
}

/** Shows the plan; an exit code when that is all there is to do. */
async function showPlan(
  ctx: Context,
  plan: UpdatePlan,
  options: UpdateCommandOptions,
  so: SoFar,
): Promise<ExitCode | null> {
  if (!options.json) await ctx.stdout.write(paintAll(planLines(plan), wantsColor(ctx)));
  if (options.dryRun) {
    if (options.json) await jsonLine(ctx, plan);
    return exitOfPlan(plan);
  }
  if (options.json) await jsonLine(ctx, { plan });
  if (plan.refusals.length === 0) return null;
  if (options.json) await jsonLine(ctx, refusedReport(plan, so.pushedBytes, ctx.clock.nowMs() - so.startedMs));
  return exit.refused;
}
