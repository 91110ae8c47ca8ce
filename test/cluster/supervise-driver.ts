/**
 * Bundled and run by supervise.test.ts and succession.test.ts: `claudecluster supervise` without the rest.
 * `driver.js BASE OPTIONS-JSON [--take-over]`. The file named by FAILING_READS holds a path on each line: reading it fails
 * with EIO, as on a disk that begins to die.
 */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { stderrDestination } from '../../src/base/stderr.ts';
import { asClusterError } from '../../src/errors.ts';
import { predecessorOf } from '../../src/host/managers/supervisor/predecessor.ts';
import { runSupervisor, type SupervisorOptions } from '../../src/host/managers/supervisor/supervise.ts';
import type { Logger } from '../../src/ports/logger.ts';

const [base = '', options = '{}', takeOver] = process.argv.slice(2);
const stderr = stderrDestination();
const say = (fields: object, message: string): void => stderr.write(`${message} ${JSON.stringify(fields)}\n`);
const logger: Logger = { debug: say, info: say, warn: say, error: say, child: () => logger };
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop.abort());

const failing = process.env.FAILING_READS;
if (failing !== undefined) failReads(failing);

runSupervisor({
  configFile: 'none',
  base,
  clock: systemClock,
  logger,
  signal: stop.signal,
  options: JSON.parse(options) as Partial<SupervisorOptions>,
  codeDir: dirname(fs.realpathSync(process.argv[1] ?? '')),
  successorArgs: (dir) => [`${dir}/supervisor.js`, base, options, '--take-over'],
  ...(takeOver === undefined ? {} : { predecessor: predecessorOf(process) }),
}).catch((error: unknown) => {
  stderr.write(`${JSON.stringify(asClusterError(error))}\n${error instanceof Error ? error.stack : ''}\n`);
  process.exitCode = asClusterError(error).code === 'operator-needed' ? 5 : 3;
});

function failReads(list: string): void {
  const read = fs.readFileSync;
  const bad = (): string[] => read(list, 'utf8').split('\n').filter(Boolean);
  fs.readFileSync = ((path: fs.PathOrFileDescriptor, ...rest: never[]) => {
    if (bad().includes(String(path))) throw Object.assign(new Error(`EIO: i/o error, read '${path}'`), { code: 'EIO' });
    return (read as (...all: unknown[]) => unknown)(path, ...rest);
  }) as typeof fs.readFileSync;
}
