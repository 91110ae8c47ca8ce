/**
 * The Transfer port on rsync. argv.ts: what it is started with; process.ts: its process; serve.ts: the serving end;
 * outcome.ts: what it tells when it ends; rsh.ts: the front that it starts as its remote shell.
 */
import { withSignals } from '../../base/signals.ts';
import { ClusterError } from '../../errors.ts';
import type { Moved, Transfer, TransferLimits } from '../../ports/transfer.ts';
import { copyArgv, pullArgv, pushArgv } from './argv.ts';
import { bytesMoved, changedNames, failureOf, isDiskFailure, tail } from './outcome.ts';
import { runRsync } from './process.ts';
import { serve } from './serve.ts';

const defaultTimeoutMs = 600_000;

/** Runs a client in `cwd`. Throws what made it fail: the other end, the disk, the time, or who called it off. */
async function run(argv: string[], cwd: string, options: TransferLimits): Promise<{ moved: Moved; stdout: string }> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const timeUp = AbortSignal.timeout(timeoutMs);
  const startedNs = process.hrtime.bigint();
  const ended = await withSignals([options.signal, timeUp], (signal) => runRsync(argv, cwd, signal));
  if (ended.exitCode === 0) {
    const durationMs = Number((process.hrtime.bigint() - startedNs) / 1_000_000n);
    return { moved: { bytesTransferred: bytesMoved(ended.stdout), durationMs }, stdout: ended.stdout };
  }
  const calledOff = options.signal?.aborted === true;
  if (!calledOff && !timeUp.aborted) throw failureOf(ended);
  const why = calledOff ? 'it was called off' : `it took more than ${timeoutMs} ms`;
  throw new ClusterError('transfer-failed', `the transfer of the release was cut off: ${why}`, {
    seen: tail(ended.stderr) || why,
    wanted: 'the whole release',
    next: 'try again: what arrived is kept and the rest follows',
  });
}

/** rsync and nice of this host, which are looked up in PATH. Holds nothing. */
export const rsync: Transfer = {
  async pull(request) {
    return (await run(pullArgv(request), request.into, request)).moved;
  },
  async pullItemized(request) {
    const { moved, stdout } = await run(pullArgv({ ...request, itemize: true }), request.into, request);
    return { ...moved, changed: changedNames(stdout) };
  },
  async push(request) {
    return (await run(pushArgv(request), request.dir, request)).moved;
  },
  async copy(request) {
    return (await run(copyArgv(request), request.into, request)).moved;
  },
  async serve(request) {
    const ended = await serve(request);
    return { exitCode: ended.exitCode, stderr: ended.stderr, diskFailed: isDiskFailure(ended) };
  },
};
