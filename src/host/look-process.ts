/** A look at the known-good release in a process of its own, at idle priority: the daemon has better things to do. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isBuildHash } from '../base/build-hash.ts';
import { idleNice, setNice } from '../base/priority.ts';
import type { Damage } from '../trial/damage-file.ts';
import { isCount } from '../trial/trial-file.ts';

export interface LookAnswer {
  damaged: Damage[];
  /** CLOCK_MONOTONIC, ms. */
  atMs: number;
}

const ionice = '/usr/bin/ionice';

/**
 * Runs `argv` (the node's own `node verify --json`) for `timeoutMs` at most, with the lowest right to processor and disk
 * that there is. null: no answer, whatever the reason. Never rejects.
 */
export function lookInProcess(
  argv: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<LookAnswer | null> {
  // Idle class of the disk's scheduler; where there is no ionice the nice value makes it the last one all the same.
  const [program = '', ...args] = existsSync(ionice) ? [ionice, '-c', '3', '-t', ...argv] : argv;
  return new Promise((resolve) => {
    const limit = AbortSignal.timeout(timeoutMs);
    const child = spawn(program, args, { cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    const end = (): void => void child.kill('SIGKILL');
    for (const one of [limit, signal]) one.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const done = (answer: LookAnswer | null): void => {
      for (const one of [limit, signal]) one.removeEventListener('abort', end);
      resolve(answer);
    };
    child.once('error', () => done(null));
    child.once('close', () => done(parseAnswer(said)));
    if (child.pid !== undefined) setNice(child.pid, idleNice);
    // Where no descriptor was left there is no stream either, whatever its type says; the error follows.
    child.stdout?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-65_536);
    });
  });
}

/** The last line that is an answer: what is damaged, and when it was seen. */
function parseAnswer(said: string): LookAnswer | null {
  for (const line of said.trim().split('\n').toReversed()) {
    try {
      const { verb, damaged, atMs } = JSON.parse(line) as Record<string, unknown>;
      if (verb !== 'verify' || !Array.isArray(damaged) || !isCount(atMs)) continue;
      const known = damaged.filter((one: Partial<Damage> | null) => isBuildHash(one?.release)) as Damage[];
      return { damaged: known.map(({ release, why, at }) => ({ release, why: String(why), at: String(at) })), atMs };
    } catch {
      // Not the answer.
    }
  }
  return null;
}
