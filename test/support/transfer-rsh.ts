/**
 * Stands in for `claudecluster rsh` in tests of the transfer: rsync starts it as its remote shell, and the serving end
 * runs in the same process, on the base directory in argv. `--cut BYTES` breaks the channel when that much went through,
 * `--stall BYTES` holds it up for ever; `--push-max BYTES` bounds a push, `--reserve BYTES` is what the disk keeps;
 * `--pid FILE` writes the process id.
 */
import { writeFileSync } from 'node:fs';
import { PassThrough, Transform } from 'node:stream';
import { rsync } from '../../src/adapters/rsync/index.ts';
import { type BytePipe, runRsh } from '../../src/adapters/rsync/rsh.ts';
import { asClusterError } from '../../src/errors.ts';
import { finishPush, serveRelease } from '../../src/release/transfer.ts';

interface Faults {
  cut: number;
  stall: number;
}

interface Bounds {
  pushBytesMax: number | undefined;
  reserveBytes: number | undefined;
}

/** Passes bytes on until the fault is due. */
function faulty({ cut, stall }: Faults): Transform {
  let passed = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      passed += chunk.length;
      if (passed > cut) done(new Error('the channel was cut'));
      else if (passed <= stall) done(null, chunk);
    },
  });
}

function openLocal(base: string, faults: Faults, bounds: Bounds) {
  return (direction: 'pull' | 'push', hash: string, capabilities: string): BytePipe => {
    const input = faulty(faults);
    const output = faulty(faults);
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
      const served = await serveRelease({
        transfer: rsync,
        ...bounds,
        direction,
        base,
        hash,
        capabilities,
        input,
        output: toClient,
        signal: ends.signal,
      });
      if (direction === 'pull' || served.exitCode !== 0) return served;
      return finishPush(base, hash, bounds.pushBytesMax).then(
        () => served,
        (error: unknown) => ({ exitCode: 1, stderr: JSON.stringify(asClusterError(error)) }),
      );
    };
    return { input, output, end: Promise.race([serve(), cut]) };
  };
}

async function main([base = '', ...words]: string[]): Promise<void> {
  const option = (name: string): string | undefined => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words.splice(at, 2)[1];
  };
  const pidFile = option('--pid');
  const faults = {
    cut: Number(option('--cut') ?? Number.POSITIVE_INFINITY),
    stall: Number(option('--stall') ?? Number.POSITIVE_INFINITY),
  };
  const bytes = (name: string): number | undefined => {
    const given = option(name);
    return given === undefined ? undefined : Number(given);
  };
  const bounds = { pushBytesMax: bytes('--push-max'), reserveBytes: bytes('--reserve') };
  if (pidFile !== undefined) writeFileSync(pidFile, String(process.pid));
  process.exit(await runRsh({ argv: words, openPipe: openLocal(base, faults, bounds) }));
}

void main(process.argv.slice(2));
