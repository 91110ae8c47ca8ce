/** How a command file offers its commands: definitions and help at once, the work itself only when it is called. */
import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../front/context.ts';
import type { ExitCode } from '../front/exit-codes.ts';

/** Runs a command and keeps its exit code. */
type Run = (body: Promise<ExitCode>) => Promise<void>;

export interface Registration {
  program: Command;
  ctx: Context;
  run: Run;
}
export type Register = (registration: Registration) => void;

/** `--config` and `--json`, which every command has. */
export function withGlobals(command: Command): Command {
  return command
    .option('--config <file>', 'configuration of a client or a node (default: $CLAUDECLUSTER_CONFIG)')
    .option('--json', 'JSON for machines: one document a line on stdout (default: text for people)');
}

export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((text) => `  ${text}`).join('\n')}`;
}

/** Options of the command and, where it has none of its own, of the program. */
export function optionsOf<T extends object = object>(command: Command): T & GlobalOptions {
  return command.optsWithGlobals() as T & GlobalOptions;
}
