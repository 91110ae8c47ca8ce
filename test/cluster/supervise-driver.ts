/** Bundled and run by supervise.test.ts: `claudecluster supervise` without the rest. `driver.js BASE OPTIONS-JSON`. */
import { systemClock } from '../../src/adapters/system-clock.ts';
import { ClusterError } from '../../src/errors.ts';
import { runSupervisor, type SupervisorOptions } from '../../src/host/managers/supervisor/supervise.ts';
import type { Logger } from '../../src/ports/logger.ts';

const [base = '', options = '{}'] = process.argv.slice(2);
const say = (fields: object, message: string): void => console.error(message, JSON.stringify(fields));
const logger: Logger = { debug: say, info: say, warn: say, error: say, child: () => logger };
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.abort());

runSupervisor({
  configFile: 'none',
  base,
  clock: systemClock,
  logger,
  signal: stop.signal,
  options: JSON.parse(options) as Partial<SupervisorOptions>,
}).catch((error: unknown) => {
  console.error(error instanceof ClusterError ? JSON.stringify(error) : error);
  process.exitCode = 3;
});
