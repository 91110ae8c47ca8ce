/** `claudecluster exec NODE -- CMD…` */
import { constants } from 'node:os';
import { asClusterError, ClusterError } from '../../errors.ts';
import { type Context, type GlobalOptions, jsonLine, withSession } from '../../front/context.ts';
import { parseDuration } from '../../front/duration.ts';
import { type ExitCode, exit } from '../../front/exit-codes.ts';
import type { Session, TaskEnd } from '../../front/session.ts';
import type { Task } from '../../ports/agent.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

interface ExecOptions extends GlobalOptions {
  timeout?: string;
  cwd?: string;
  env?: string[];
}

/** As timeout(1) has it. */
const timedOutExit = 124;
/** As a shell has it: 128 + SIGINT. */
const interruptedExit = 130;

export const register: Register = ({ program, ctx, run }) => {
  withGlobals(program.command('exec'))
    .description('run a command on a node; both outputs come as they are written')
    .argument('<NODE>', 'nodeId, as status shows it')
    .argument('<CMD...>', 'after --: the program and its arguments; no shell looks at them')
    .option('--timeout <duration>', 'the whole process group is killed after this time (default 10m)')
    .option('--cwd <dir>', "working directory (default: the node's base directory)")
    .option('--env <name=value...>', "added to the node's own environment (default: nothing)")
    .addHelpText(
      'after',
      examples(
        'claudecluster exec n2 -- df -h',
        'claudecluster exec n2 --timeout 30s -- claudecluster node status --json',
      ),
    )
    .addHelpText(
      'after',
      `
Exit codes: the command's own; 128 + n when signal n ended it; 124 at the timeout; 130 after Ctrl-C, which ends it.
            When it could not be run, or its end is not known: 1, 2 or 3, with the reason on stderr.`,
    )
    .action((node: string, argv: string[], _: unknown, self) =>
      run(exec(ctx, node, argv, optionsOf<ExecOptions>(self))),
    );
};

export async function exec(ctx: Context, nodeId: string, argv: string[], options: ExecOptions): Promise<ExitCode> {
  const task: Task = { argv, timeoutMs: parseDuration(options.timeout ?? '10m', '--timeout') };
  if (options.cwd !== undefined) task.cwd = options.cwd;
  if (options.env) task.env = environmentOf(options.env);
  const stop = ctx.interrupts();
  return withSession(ctx, options, async (session) => {
    const address = await addressOf(session, nodeId);
    try {
      return await (options.json ? execJson : execPlain)(ctx, session, address, task, stop);
    } catch (thrown) {
      // The call is cut off with the one who made it, and the node ends the command: that is what was asked for.
      if (!stop.aborted) throw thrown;
      if (options.json) await jsonLine(ctx, { error: asClusterError(thrown) });
      return interruptedExit;
    }
  });
}

async function execPlain(
  ctx: Context,
  session: Session,
  address: string,
  task: Task,
  stop: AbortSignal,
): Promise<ExitCode> {
  const sinks = {
    stdout: (chunk: Uint8Array) => ctx.stdout.write(chunk),
    stderr: (chunk: Uint8Array) => ctx.stderr.write(chunk),
  };
  const end = await session.exec(address, task, sinks, stop);
  if (end.timedOut) await ctx.stderr.write(`claudecluster: ended after ${task.timeoutMs} ms (--timeout)\n`);
  return stop.aborted ? interruptedExit : exitOfTask(end);
}

async function execJson(
  ctx: Context,
  session: Session,
  address: string,
  task: Task,
  stop: AbortSignal,
): Promise<ExitCode> {
  const out: Uint8Array[] = [];
  const err: Uint8Array[] = [];
  const keep = (into: Uint8Array[]) => async (chunk: Uint8Array) => {
    into.push(chunk);
  };
  const end = await session.exec(address, task, { stdout: keep(out), stderr: keep(err) }, stop);
  const text = (chunks: Uint8Array[]): string => Buffer.concat(chunks).toString('utf8');
  await jsonLine(ctx, { ...end, stdout: text(out), stderr: text(err) });
  return exitOfTask(end);
}

export function exitOfTask(end: TaskEnd): ExitCode {
  if (end.timedOut) return timedOutExit;
  if (end.exitCode !== null) return end.exitCode;
  const signal = end.signal as keyof typeof constants.signals | null;
  return signal === null ? exit.unexpected : 128 + (constants.signals[signal] ?? 0);
}

async function addressOf(session: Session, nodeId: string): Promise<string> {
  const { nodes } = await session.control.status();
  const node = nodes.find((each) => each.nodeId === nodeId);
  if (node) return node.address;
  throw new ClusterError('not-found', `no node is called ${nodeId}`, {
    seen: nodes.map((each) => each.nodeId).join(', '),
    wanted: 'a nodeId of this cluster',
    next: 'claudecluster status',
  });
}

function environmentOf(pairs: string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new ClusterError('usage', '--env: not a pair', { seen: pair, wanted: 'NAME=value' });
    env[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return env;
}
