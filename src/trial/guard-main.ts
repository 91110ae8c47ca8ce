/** `guard.js start|check --base BASE [--json]`: one JSON line on stdout; 0 go on, 10 rolled back (check), 1 nothing can run, 2 usage. */
import { resolve } from 'node:path';
import { monotonicMs, readBootId } from '../base/boot.ts';
import { runGuard } from './guard.ts';
import type { GuardResult } from './guard-result.ts';

const usage = 'usage: guard.js start|check --base BASE [--json]';

/** Runs the guard's command line; returns the exit code. */
function main(args: string[]): number {
  const [verb, ...rest] = args.filter((arg) => arg !== '--json');
  const base = rest.length === 2 && rest[0] === '--base' ? rest[1] : undefined;
  if ((verb !== 'start' && verb !== 'check') || base === undefined || base === '') {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  const result = runGuard({
    base: resolve(base),
    reason: verb === 'start' ? 'start' : 'tick',
    bootId: readBootId(),
    nowMs: monotonicMs(),
    wallIso: new Date().toISOString(),
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return exitCode(verb, result);
}

function exitCode(verb: 'start' | 'check', result: GuardResult): number {
  if (result.run === null) return 1;
  // To a start it is all the same which release runs; a check tells the service manager to restart the daemon.
  const back = result.action === 'rolled-back' || result.action === 'disk-refused';
  return verb === 'check' && back ? 10 : 0;
}

process.exitCode = main(process.argv.slice(2));
