/** The world of a command when it is run for real: this process, this terminal, this machine. */

import { realpathSync } from 'node:fs';
import { getPriority, hostname, setPriority, userInfo } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { systemClock } from '../../adapters/system-clock.ts';
import { verbNice } from '../../base/priority.ts';
import type { Context, Output } from '../../front/context.ts';

/** `leave` ends the process at a second signal: for one who does not want to wait for the first to be honoured. */
export function systemContext(process: NodeJS.Process, leave: (code: number) => void): Context {
  const controller = new AbortController();
  const bundle = realpathSync(process.argv[1] ?? '');
  let listening = false;
  let ignoreSecond = false;
  const stdout = outputOf(process.stdout, () => controller.abort('the reader of stdout is gone'));
  const stderr = outputOf(process.stderr, () => undefined);
  return {
    stdout,
    stderr,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    user: whoAmI(process),
    bundle,
    program: [process.execPath, ...process.execArgv, bundle],
    canAsk: Boolean(process.stdin.isTTY && process.stdout.isTTY),
    ask: (question) => ask(process, question),
    yieldToServices: () => setPriority(Math.max(verbNice, getPriority())),
    interrupts(second = 'leave') {
      ignoreSecond ||= second === 'ignore';
      if (listening) return controller.signal;
      listening = true;
      for (const [name, number] of [
        ['SIGINT', 2],
        ['SIGTERM', 15],
        ['SIGHUP', 1],
      ] as const) {
        process.on(name, () => {
          if (!controller.signal.aborted) controller.abort(name);
          else if (!ignoreSecond) leave(128 + number);
        });
      }
      return controller.signal;
    },
    async connect(file) {
      const [{ connectSession }, { rsync }] = await Promise.all([
        import('../../front/connect.ts'),
        import('../../adapters/rsync/index.ts'),
      ]);
      const warn = (text: string): void => void this.stderr.write(`${text}\n`);
      return connectSession(file, { program: this.program, clock: systemClock, transfer: rsync, warn });
    },
    async serveMcp(file) {
      const { serveMcp } = await import('../../mcp/server.ts');
      await serveMcp(this, file, this.interrupts());
    },
    async inspectRelease(dir) {
      const { inspectRelease } = await import('./inspect-release.ts');
      return inspectRelease(dir);
    },
  };
}

function outputOf(stream: NodeJS.WriteStream, gone: () => void): Output {
  let closed = false;
  // A reader that went away (`| head`) is its own business: quiet, and nothing more is written.
  stream.on('error', () => {
    closed = true;
    gone();
  });
  return {
    isTty: stream.isTTY === true,
    columns: () => stream.columns || 80,
    rows: () => stream.rows || 24,
    write: (chunk) =>
      new Promise((done) => {
        if (closed) return done();
        // The callback comes when the chunk is on its way, and with an error when the reader is gone.
        stream.write(chunk, () => done());
      }),
  };
}

async function ask(process: NodeJS.Process, question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await new Promise<string>((done) => {
      // Ctrl-C or Ctrl-D at the question is a no.
      lines.once('close', () => done(''));
      lines.once('SIGINT', () => lines.close());
      lines.question(question).then(done, () => done(''));
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

function whoAmI(process: NodeJS.Process): string {
  let name = process.env.USER ?? '';
  try {
    name = userInfo().username;
  } catch {
    // A uid without an entry in passwd: the number will do.
    name ||= `uid ${process.getuid?.() ?? '?'}`;
  }
  return `${name}@${hostname()}`;
}
