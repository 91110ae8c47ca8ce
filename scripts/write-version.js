#!/usr/bin/env node
/** Stamps a build with version.json: what it is called (the hash of its tree), and what it is. */
import { execFile } from 'node:child_process';
import { chmod, lstat, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hashTree } from '../src/release/tree-hash.js';
import { isMain } from './script-support.js';

const repo = dirname(dirname(fileURLToPath(import.meta.url)));
const help = `Usage: node scripts/write-version.js [DIR]

Stamps the build in DIR (default: dist) with DIR/version.json: buildHash (SHA-256 over every entry of the
tree but version.json), builtAt, gitCommit, version, protocol {min, max}, node and, where DIR/package.json has
claudecluster.needs {protocol, from, through}, those needs. Its files become read-only before, for their modes are
part of the hash.
Version, protocol and Node range come from DIR/package.json, else from DIR's earlier stamp, else from this
repository; the commit from the git work tree that DIR is in, else from the earlier stamp, else from this one.
Prints one JSON line. Exit codes: 0 stamped, 1 failed, 2 usage.
`;

/** A JSON object, or {} when there is no such file or it holds something else. */
async function readObject(file) {
  try {
    const value = JSON.parse(await readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

async function commitOf(dir) {
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', dir, 'rev-parse', '--short', 'HEAD']);
    return stdout.trim() || undefined;
  } catch {
    return undefined; // No git, or no work tree.
  }
}

const text = (value) => (typeof value === 'string' && value !== '' ? value : undefined);

function range(value) {
  const fits = Number.isInteger(value?.min) && Number.isInteger(value?.max) && value.min >= 0 && value.min <= value.max;
  return fits ? { min: value.min, max: value.max } : undefined;
}

/**
 * Nobody may write the files of a release. Their modes are part of its name, so this is done here, once, and not on the
 * nodes: those of every version then have the same files under the same hash. Links are not followed.
 * @param {Buffer} dir
 */
async function takeWriteBits(dir) {
  for (const name of await readdir(dir, { encoding: 'buffer' })) {
    const path = Buffer.concat([dir, Buffer.from('/'), name]);
    const stats = await lstat(path);
    if (stats.isDirectory()) await takeWriteBits(path);
    else if (stats.isFile() && (stats.mode & 0o222) !== 0) await chmod(path, stats.mode & 0o7777 & ~0o222);
  }
}

/** tmp, fsync, rename: a build has a whole stamp or its old one, never half a stamp. */
async function replaceFile(file, content) {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, 'w', 0o444);
    try {
      await handle.chmod(0o444);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/**
 * Stamps `dir` and returns the stamp. `now` is for builtAt (default: the present time), which is not part of the hash.
 * Throws an Error with code 'release-invalid' for a tree that cannot be a release.
 */
export async function writeVersion(dir, now = new Date()) {
  const target = resolve(dir);
  // Before anything is touched: what it refuses stays as it is.
  await hashTree(target);
  await takeWriteBits(Buffer.from(target));
  const { hash } = await hashTree(target);
  const stampFile = join(target, 'version.json');
  const [own, earlier, repository] = await Promise.all(
    [join(target, 'package.json'), stampFile, join(repo, 'package.json')].map(readObject),
  );
  const version = {
    buildHash: hash,
    builtAt: now.toISOString(),
    gitCommit: (await commitOf(target)) ?? text(earlier.gitCommit) ?? (await commitOf(repo)) ?? 'unknown',
    version: text(own.version) ?? text(earlier.version) ?? text(repository.version) ?? '0.0.0',
    protocol: range(own.claudecluster?.protocol) ??
      range(earlier.protocol) ??
      range(repository.claudecluster?.protocol) ?? { min: 1, max: 1 },
    node: text(own.engines?.node) ?? text(earlier.node) ?? text(repository.engines?.node) ?? '*',
  };
  // What the build needs of the nodes that it comes to: its own word only, for no other tree can know it.
  const needs = own.claudecluster?.needs ?? earlier.needs;
  if (needs !== undefined) version.needs = needs;
  await replaceFile(stampFile, `${JSON.stringify(version, null, 2)}\n`);
  return version;
}

async function main(argv) {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help);
    return 0;
  }
  const dirs = argv[0] === '--' ? argv.slice(1) : argv;
  const flag = argv[0] === '--' ? undefined : dirs.find((word) => word.startsWith('-'));
  if (dirs.length > 1 || flag !== undefined) {
    process.stderr.write(
      `write-version: ${flag === undefined ? 'one directory at most' : `unknown option ${flag}`}\n\n${help}`,
    );
    return 2;
  }
  try {
    process.stdout.write(`${JSON.stringify(await writeVersion(dirs[0] ?? 'dist'))}\n`);
    return 0;
  } catch (thrown) {
    process.stderr.write(
      `write-version: ${thrown.message}${thrown.detail?.next ? `\n  next: ${thrown.detail.next}` : ''}\n`,
    );
    return 1;
  }
}

if (isMain(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
