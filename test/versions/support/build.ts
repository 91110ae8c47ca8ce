/**
 * A release of before, built from its own commit with its own tools and dependencies, and kept in `.cache/versions`. The
 * source is a clone that shares this one's objects, so that the stamp names the commit; the dependencies are installed
 * once for each lock file that differs from this clone's.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireCommit } from '../../../scripts/lib/history.js';
import { type Build, readVersion } from '../../support/builds.ts';
import { repoRoot } from '../../support/cli.ts';

const run = promisify(execFile);
const cache = join(repoRoot, '.cache', 'versions');

export interface Release {
  /** What reports call it: version and abbreviated commit. */
  name: string;
  /** All 40 digits. */
  commit: string;
  /** Keys that this build refuses to start with, where a later one only warns. Default false. */
  strictConfig?: boolean;
}

/** Where `buildOf` keeps a release; there once it was built. */
export function buildDir(release: Pick<Release, 'commit'>): string {
  return join(cache, 'builds', release.commit);
}

/** Builds a release unless it is there already. Throws an Error that says what to do where the history lacks it. */
export async function buildOf(release: Release): Promise<Build> {
  const dir = buildDir(release);
  if (!existsSync(join(dir, 'version.json'))) await make(release, dir);
  const version = readVersion(dir);
  if (!release.commit.startsWith(version.gitCommit)) {
    throw new Error(`${dir} is not of ${release.commit} but of ${version.gitCommit}: remove it, and try again`);
  }
  return { dir, version };
}

async function make({ name, commit }: Release, dir: string): Promise<void> {
  await requireCommit(repoRoot, name, commit);
  const source = join(cache, 'sources', commit);
  rmSync(source, { recursive: true, force: true });
  mkdirSync(join(dir, '..'), { recursive: true });
  try {
    await run('git', ['clone', '--quiet', '--shared', '--no-checkout', repoRoot, source]);
    await run('git', ['-C', source, 'checkout', '--quiet', '--detach', commit]);
    symlinkSync(await modulesFor(source), join(source, 'node_modules'));
    await run(process.execPath, ['scripts/build.js'], { cwd: source });
    rmSync(dir, { recursive: true, force: true });
    renameSync(join(source, 'dist'), dir);
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
}

/** The node_modules that the source's own lock file asks for. */
async function modulesFor(source: string): Promise<string> {
  const lock = readFileSync(join(source, 'package-lock.json'));
  if (lock.equals(readFileSync(join(repoRoot, 'package-lock.json')))) return join(repoRoot, 'node_modules');
  const dir = join(cache, 'modules', createHash('sha256').update(lock).digest('hex').slice(0, 16));
  const modules = join(dir, 'node_modules');
  // npm writes it last: a half-made directory has none.
  if (existsSync(join(modules, '.package-lock.json'))) return modules;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    await run('cp', [join(source, file), join(dir, file)]);
  }
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts'], { cwd: dir });
  return modules;
}
