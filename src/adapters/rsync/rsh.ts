/** The front that rsync starts as its remote shell: its two pipes on one side, the cluster's channel on the other. */
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { errorLine } from '../../base/error-line.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import type { Direction } from '../../ports/transfer.ts';
import { parseRshArgv } from './argv.ts';

/** A channel to the serving end. */
export interface BytePipe {
  /** To the server. Ending it says that the client has no more to send; destroying it gives the transfer up. */
  input: Writable;
  /** From the server. */
  output: Readable;
  /** How the serving end ended; rejects when the channel broke. */
  end: Promise<{ exitCode: number; stderr: string }>;
}

export type OpenPipe = (direction: Direction, hash: string, capabilities: string) => Promise<BytePipe> | BytePipe;

export interface RshOptions {
  /** What rsync appended to our own words in the command line; a `--` before it is skipped. */
  argv: string[];
  openPipe: OpenPipe;
  /** Default: those of the process. */
  stdin?: Readable;
  stdout?: Writable;
  stderr?: Writable;
}

interface Streams {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
}

const failed = 4;
/** For the serving end to say how it ended, after rsync closed its own, ms: after a push it verifies the whole tree first. */
const graceMs: Record<Direction, number> = { pull: 3_000, push: 60_000 };
/**
 * rsync that gives up ends its children with SIGUSR1, on which Node would open its debugger if nobody listened. Most often it
 * does because the serving end broke off, which is about to say why: so long it is waited for, ms.
 */
const givenUp = 'SIGUSR1';
const givenUpGraceMs = 3_000;
const endings = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Until what the server said has all been handed to rsync: the process must not go before that. */
async function drained(output: Readable, stdout: Writable): Promise<void> {
  if (!output.readableEnded) await finished(output, { writable: false }).catch(() => {});
  if (stdout.writableLength > 0 && !stdout.destroyed) await new Promise<void>((done) => stdout.write('', () => done()));
}

async function bridge(pipe: BytePipe, { stdin, stdout, stderr }: Streams, endMs: number): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  let givenUpTimer: NodeJS.Timeout | undefined;
  let giveUp = (): void => {};
  const gaveUp = new Promise<never>((_, reject) => {
    giveUp = () => {
      pipe.input.destroy();
      pipe.output.destroy();
      reject(new ClusterError('transfer-failed', 'rsync went away', { next: 'try again' }));
    };
  });
  // rsync closed one of its ends: it is done, or it died. If it is done the serving end is about to say so too.
  const closing = (): void => {
    timer ??= setTimeout(giveUp, endMs);
  };
  const whyNot = (): void => {
    givenUpTimer ??= setTimeout(giveUp, givenUpGraceMs);
  };
  const unread = (): void => {
    pipe.output.unpipe(stdout);
    pipe.output.resume();
    closing();
  };
  // A stream that breaks is told by `pipe.end`; without a listener it would end the process before that.
  pipe.input.on('error', () => {});
  pipe.output.on('error', () => {});
  stdin.on('error', closing).on('end', closing);
  stdout.on('error', unread);
  process.on(givenUp, whyNot);
  for (const signal of endings) process.on(signal, giveUp);
  stdin.pipe(pipe.input);
  // Not ended by us: what is left in it is written before the process goes.
  pipe.output.pipe(stdout, { end: false });
  try {
    const { exitCode, stderr: said } = await Promise.race([pipe.end, gaveUp]);
    await Promise.race([drained(pipe.output, stdout), gaveUp]);
    if (said !== '') stderr.write(said.endsWith('\n') ? said : `${said}\n`);
    return exitCode;
  } finally {
    clearTimeout(timer);
    clearTimeout(givenUpTimer);
    process.off(givenUp, whyNot);
    stdin.unpipe(pipe.input);
    stdin.off('error', closing).off('end', closing);
    for (const signal of endings) process.off(signal, giveUp);
  }
}

/**
 * Connects rsync with the serving end until either of them ends, and returns the exit code for the process. Never
 * throws: a failure is told on stderr in a form that reaches the one who started rsync.
 */
export async function runRsh(options: RshOptions): Promise<number> {
  const streams = {
    stdin: options.stdin ?? process.stdin,
    stdout: options.stdout ?? process.stdout,
    stderr: options.stderr ?? process.stderr,
  };
  try {
    const { direction, hash, capabilities } = parseRshArgv(options.argv);
    return await bridge(await options.openPipe(direction, hash, capabilities), streams, graceMs[direction]);
  } catch (thrown) {
    streams.stderr.write(errorLine(asClusterError(thrown, 'unavailable')));
    return failed;
  } finally {
    streams.stdin.destroy();
  }
}
