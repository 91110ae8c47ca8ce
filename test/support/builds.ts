/** Builds that differ from the clone's own, made by scripts/make-build.js. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { VersionInfo } from '../../src/ports/releases.ts';
import { dist, repoRoot } from './cli.ts';

const run = promisify(execFile);

export interface BuildOptions {
  /** Directory to make it in; must not exist. */
  to: string;
  /** What it is made from: default the clone's own dist. */
  from?: string;
  /** Makes it differ from every build with another note. */
  note?: string;
  /** `dies-after=MS`: it gets healthy and is killed so many milliseconds later. */
  behaviour?: 'crash' | 'spoils-guard' | 'hang' | 'never-healthy' | 'self-test-fails' | `dies-after=${number}`;
}

export interface Build {
  dir: string;
  version: VersionInfo;
}

/** Makes a stamped build. Throws with the script's own words when it cannot. */
export async function makeBuild(options: BuildOptions): Promise<Build> {
  const args = ['--from', options.from ?? dist, '--to', options.to];
  if (options.note !== undefined) args.push('--note', options.note);
  if (options.behaviour !== undefined) args.push('--behaviour', options.behaviour);
  await run(process.execPath, [join(repoRoot, 'scripts/make-build.js'), ...args]);
  return { dir: options.to, version: readVersion(options.to) };
}

/** Stamps a build that was changed by hand. */
export async function stamp(dir: string): Promise<VersionInfo> {
  await run(process.execPath, [join(repoRoot, 'scripts/write-version.js'), dir], { cwd: repoRoot });
  return readVersion(dir);
}

export function readVersion(dir: string): VersionInfo {
  return JSON.parse(readFileSync(join(dir, 'version.json'), 'utf8')) as VersionInfo;
}
