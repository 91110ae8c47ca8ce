/** What a verb answers: one JSON line, and an exit code. */
import { asClusterError, type ClusterError } from '../errors.ts';
import { type Context, type GlobalOptions, jsonLine } from '../front/context.ts';
import { type ExitCode, exit, exitOfError } from '../front/exit-codes.ts';
import { errorLines } from '../front/render/error.ts';
import { paintAll } from '../front/render/text.ts';

/** Answers in the form that leaders of other versions read, too. */
export async function answer<Options extends GlobalOptions>(
  ctx: Context,
  options: Options,
  work: (options: Options) => Promise<object>,
): Promise<ExitCode> {
  try {
    ctx.yieldToServices();
    const done: object & { error?: ClusterError } = await work(options);
    await jsonLine(ctx, { ok: true, ...done });
    return done.error === undefined ? exit.done : await failed(ctx, options, done.error);
  } catch (thrown) {
    const error = asClusterError(thrown);
    await jsonLine(ctx, { ok: false, error });
    return failed(ctx, options, error);
  }
}

async function failed(ctx: Context, options: GlobalOptions, error: ClusterError): Promise<ExitCode> {
  if (!options.json) await ctx.stderr.write(paintAll(errorLines(error), false));
  return exitOfError(error.code);
}
