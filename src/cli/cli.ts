/** The command line as a function: words in, an exit code out. Command files are loaded when they are asked for. */
import { Command, CommanderError } from 'commander';
import { asClusterError, ClusterError } from '../errors.ts';
import { type Context, jsonLine } from '../front/context.ts';
import { type ExitCode, exit, exitCodesHelp, exitOfError } from '../front/exit-codes.ts';
import { errorLines } from '../front/render/error.ts';
import { paintAll } from '../front/render/text.ts';
import { examples, type Register, type Registration, withGlobals } from './register.ts';

type Loader = () => Promise<{ register: Register }>;

/** In the order of `--help`. A start loads one of them, so that verbs on a node do not pay for the others. */
const commands: Record<string, Loader> = {
  status: () => import('./commands/status.ts'),
  update: () => import('./commands/update.ts'),
  updates: () => import('./commands/updates.ts'),
  releases: () => import('./commands/releases.ts'),
  exec: () => import('./commands/exec.ts'),
  nodes: () => import('./commands/nodes.ts'),
  bootstrap: () => import('./commands/bootstrap.ts'),
  dev: () => import('./commands/dev.ts'),
  node: () => import('./commands/node.ts'),
  daemon: () => import('./commands/daemon.ts'),
  supervise: () => import('./commands/supervise.ts'),
  mcp: () => import('./commands/mcp.ts'),
  version: () => import('./commands/version.ts'),
  'self-test': () => import('./commands/self-test.ts'),
};

export const commandNames = Object.keys(commands);

/** Runs one command line (without the program's own name). Never throws: errors are printed, and are the exit code. */
export async function runCli(argv: string[], ctx: Context): Promise<ExitCode> {
  try {
    return await dispatch(argv, ctx);
  } catch (thrown) {
    return reportError(thrown, argv, ctx);
  }
}

async function dispatch(argv: string[], ctx: Context): Promise<ExitCode> {
  // rsync calls it with arguments of its own: no option of ours may be looked for in them.
  if (argv[0] === 'rsh') return (await import('./compose/rsh.ts')).rsh(argv.slice(1));
  let code: ExitCode = exit.done;
  const program = createProgram(ctx);
  const registration: Registration = {
    program,
    ctx,
    run: async (body) => {
      code = await body;
    },
  };
  const named = commands[firstWord(argv) ?? ''];
  for (const load of named ? [named] : Object.values(commands)) (await load()).register(registration);
  inheritSettings(program);
  await program.parseAsync(argv, { from: 'user' });
  return code;
}

function createProgram(ctx: Context): Command {
  const program = withGlobals(new Command('claudecluster'))
    .description('Software on plain Linux hosts that updates itself in service and cannot be stranded')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void ctx.stdout.write(text),
      // Usage errors are printed with all others, by reportError.
      writeErr: (text) => void ctx.stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => (ctx.stdout.isTty ? ctx.stdout.columns() : 110),
      getErrHelpWidth: () => (ctx.stderr.isTty ? ctx.stderr.columns() : 110),
    })
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      examples(
        'claudecluster dev up --nodes 3 --detach       a cluster on this machine',
        'export CLAUDECLUSTER_CONFIG=$PWD/.claudecluster-dev/config.yaml',
        'claudecluster status --watch',
        'claudecluster update dist                     update it, live',
      ),
    )
    .addHelpText('after', exitCodesHelp);
  return program;
}

/** exitOverride and outputs of the program, on every command below it. */
function inheritSettings(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inheritSettings(child);
  }
}

/** The command's name: the first word that is neither an option of the program nor its value. */
function firstWord(argv: string[]): string | undefined {
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '--config') index++;
    else if (!word.startsWith('-')) return word;
  }
  return undefined;
}

function wantsJson(argv: string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? argv.length : end).includes('--json');
}

async function reportError(thrown: unknown, argv: string[], ctx: Context): Promise<ExitCode> {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return exit.done;
  // The help of a group ("updates" without a verb) is usage as well; it was printed already.
  if (thrown instanceof CommanderError && thrown.code === 'commander.help') return exit.usage;
  const error = thrown instanceof CommanderError ? usageError(thrown, argv) : asClusterError(thrown);
  if (wantsJson(argv)) await jsonLine(ctx, { error });
  else await ctx.stderr.write(paintAll(errorLines(error), ctx.stderr.isTty && !ctx.env.NO_COLOR));
  if (error.code === 'internal' && ctx.env.CLAUDECLUSTER_DEBUG && thrown instanceof Error) {
    await ctx.stderr.write(`${thrown.stack ?? ''}\n`);
  }
  return exitOfError(error.code);
}

function usageError(thrown: CommanderError, argv: string[]): ClusterError {
  const first = firstWord(argv);
  const known = first !== undefined && first in commands ? ` ${first}` : '';
  return new ClusterError('usage', thrown.message.replace(/^error: /, ''), {
    next: `claudecluster${known} --help`,
  });
}
