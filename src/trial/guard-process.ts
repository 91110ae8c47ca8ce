/** Asks the guard of a release, in a process of its own. */
import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { quietly } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { completeReleases } from './complete.ts';
import type { GuardResult } from './guard-result.ts';

export interface GuardAnswer {
  result: GuardResult;
  /** It was a check, and what runs must be restarted (exit code 10). */
  restart: boolean;
}

/** What one megabyte of a release may take to be hashed, ms: 25 MB in a second, a slow disk that has none of it in memory. */
const msPerMegabyte = 40;

/**
 * How long a guard may take on this base, ms: `baseMs` for itself, and 40 for each megabyte of the releases there, each of
 * which it may have to hash once before it goes back. Never throws: what cannot be counted counts as nothing.
 */
export function guardLimitMs(base: string, baseMs: number): number {
  const { releases } = nodePaths(base);
  const bytes = completeReleases(base).reduce((sum, hash) => sum + bytesBelow(join(releases, hash)), 0);
  return baseMs + Math.ceil((bytes / 1e6) * msPerMegabyte);
}

function bytesBelow(dir: string): number {
  let sum = 0;
  quietly(() => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) sum += bytesBelow(path);
      else if (entry.isFile()) quietly(() => (sum += statSync(path).size));
    }
  });
  return sum;
}

/**
 * `FILE start|check` on `base`, killed after `timeoutMs`; in words what was seen where it gives no answer. Never rejects.
 */
export function askGuard(
  file: string,
  base: string,
  verb: 'start' | 'check',
  timeoutMs: number,
): Promise<GuardAnswer | string> {
  const env = guardEnvironment(process.env);
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024, cwd: base, env } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, [file, verb, '--base', base, '--json'], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      const result = parseGuardResult(stdout);
      if (result === null || (code !== 0 && code !== 1 && code !== 10)) {
        resolve(`exit ${code ?? error?.signal ?? '?'}: ${lastWords(stderr)}`);
      } else {
        resolve({ result, restart: code === 10 });
      }
    });
  });
}

/** Without the frames of a stack: they would leave no room for what was thrown. */
function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => !/^\s+at /.test(line));
  return lines.join('\n').trim().slice(-500);
}

/** Without Node's own variables: a NODE_OPTIONS that is wrong takes the daemon down, and must not take the guard with it. */
function guardEnvironment(from: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(from).filter(([name]) => !name.startsWith('NODE_')));
}

/** What another build's guard printed: only what is used here is asked for. */
function parseGuardResult(stdout: string): GuardResult | null {
  try {
    const value = JSON.parse(stdout) as Partial<GuardResult> | null;
    if (typeof value !== 'object' || value === null || typeof value.action !== 'string') return null;
    if (value.run !== null && typeof value.run !== 'string') return null;
    const { action, run, damaged } = value;
    const release = typeof value.release === 'string' ? value.release : null;
    const notes = Array.isArray(value.notes) ? value.notes.map(String) : [];
    const { trial = null, rolledBack = null } = value;
    return { action, run, release, trial, rolledBack, damaged: damaged ?? null, notes };
  } catch {
    return null;
  }
}
