/**
 * Stands in for `claudecluster rsh` in tests of the transfer: rsync starts it as its remote shell, and the serving end
 * runs in the same process, on the base directory in argv. `--cut BYTES` breaks the channel when that much went through.
 */
import { PassThrough, Transform } from 'node:stream';
import { type BytePipe, runRsh } from '../../src/adapters/rsync/rsh.ts';
import { asClusterError } from '../../src/errors.ts';
import { finishPush, serveRsync } from '../../src/release/transfer.ts';

/** Passes bytes on until there were `limit` of them, then breaks. */
function cutAfter(limit: number): Transform {
  let passed = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      passed += chunk.length;
      if (passed <= limit) done(null, chunk);
      else done(new Error('the channel was cut'));
    },
  });
}

function openLocal(base: string, limit: number) {
  return (direction: 'pull' | 'push', hash: string, capabilities: string): BytePipe => {
    const input = cutAfter(limit);
    const output = cutAfter(limit);
    const ends = new AbortController();
    const cut = new Promise<never>((_, reject) => {
      for (const stream of [input, output]) {
        stream.on('error', (error) => {
          ends.abort();
          reject(error);
        });
      }
      input.on('close', () => {
        if (!input.readableEnded) ends.abort();
      });
    });
    const serve = async (): Promise<{ exitCode: number; stderr: string }> => {
      const toClient = new PassThrough();
      toClient.pipe(output);
      const served = await serveRsync({ direction, base, hash, capabilities, input, output: toClient, signal: ends.signal });
      if (direction === 'pull' || served.exitCode !== 0) return served;
      return finishPush(base, hash).then(
        () => served,
        (error: unknown) => ({ exitCode: 1, stderr: JSON.stringify(asClusterError(error)) }),
      );
    };
    return { input, output, end: Promise.race([serve(), cut]) };
  };
}

async function main([base, ...rest]: string[]): Promise<void> {
  const cut = rest[0] === '--cut' ? Number(rest[1]) : Number.POSITIVE_INFINITY;
  const argv = rest[0] === '--cut' ? rest.slice(2) : rest;
  process.exit(await runRsh({ argv, openPipe: openLocal(base ?? '', cut) }));
}

void main(process.argv.slice(2));
