/** All that a command may touch of the world, so that each one runs in a unit test with a fake of it. */
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { VersionInfo } from '../ports/releases.ts';
import type { Session } from './session.ts';

export interface Output {
  /** Resolves when more may be written. Never rejects: a reader that is gone is not an error. */
  write(chunk: string | Uint8Array): Promise<void>;
  readonly isTty: boolean;
  columns(): number;
  rows(): number;
}

/** A release directory that was looked at: shape, stamp and hash are right. */
export interface InspectedRelease {
  dir: string;
  version: VersionInfo;
}

export interface Context {
  stdout: Output;
  stderr: Output;
  env: Record<string, string | undefined>;
  cwd: string;
  clock: Clock;
  /** For the record: who asks. */
  user: string;
  /** The file that runs: dist/index.js, or src/cli/main.ts in development. */
  bundle: string;
  /** What starts it once more, as the first words of an argv: Node, its options, the bundle. */
  program: string[];
  /** Is there a person who can answer a question? */
  canAsk: boolean;
  /** Lowers this process's priority: a verb beside a running service must not disturb it. */
  yieldToServices(): void;
  /** Asks a yes-or-no question; anything but yes is no. */
  ask(question: string): Promise<boolean>;
  /**
   * Aborts at the first SIGINT, SIGTERM or SIGHUP from now on, and when the reader of stdout is gone. A second signal
   * ends the process, unless it is to be ignored: what must be cleaned up behind a command is not left to impatience.
   */
  interrupts(second?: 'leave' | 'ignore'): AbortSignal;
  connect(configFile: string): Promise<Session>;
  /** Serves the tools for AI agents over this process's stdio until it is interrupted. */
  serveMcp(configFile: string): Promise<void>;
  /** Verifies a release on this disk. Throws ClusterError 'release-invalid'. */
  inspectRelease(dir: string): Promise<InspectedRelease>;
}

/** Options that every command has. */
export interface GlobalOptions {
  config?: string;
  json?: boolean;
}

/** The configuration file to use: the flag, then the environment. Throws ClusterError 'usage' without either. */
export function configFile(ctx: Context, options: GlobalOptions): string {
  const file = options.config ?? ctx.env.CLAUDECLUSTER_CONFIG;
  if (file) return file;
  throw new ClusterError('usage', 'no configuration file was named', {
    wanted: '--config FILE, or CLAUDECLUSTER_CONFIG in the environment',
    next: 'for a local cluster: claudecluster dev up --detach, then --config .claudecluster-dev/config.yaml',
  });
}

/** Runs `body` with a session that is closed afterwards, whatever happens. */
export async function withSession<T>(
  ctx: Context,
  options: GlobalOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await ctx.connect(configFile(ctx, options));
  try {
    return await body(session);
  } finally {
    await session.close();
  }
}

/** One JSON document, one line. */
export function jsonLine(ctx: Context, value: unknown): Promise<void> {
  return ctx.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Text for people on stdout; colours only for a terminal that wants them. */
export function wantsColor(ctx: Context): boolean {
  return ctx.stdout.isTty && !ctx.env.NO_COLOR && ctx.env.TERM !== 'dumb';
}
