#!/usr/bin/env node
/** Makes another build out of one: for demonstrations and tests, which need builds that differ, and builds that fail. */
import { existsSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isMain, readOptions } from './script-support.js';
import { writeVersion } from './write-version.js';

const help = `Usage: node scripts/make-build.js --to DIR [--from DIR] [--note TEXT] [--behaviour WHAT]

Copies the build in --from (default: dist) to --to, adds NOTES.txt so that its hash differs, and stamps it.
--behaviour makes the copy a bad build; every other command of it works:
  crash              the daemon exits with 1 at its start
  hang               the daemon stays alive and does nothing
  never-healthy      the same, and says so on stderr
  spoils-guard       the daemon truncates the guard.js beside it and exits with 1
  dies-after=MS      the daemon is killed MS milliseconds after it became healthy
  self-test-fails    its self-test exits with 1
Exit codes: 0 made, 1 failed, 2 usage.
`;

const patterns = /^(crash|hang|spoils-guard|never-healthy|self-test-fails|dies-after=\d{1,9})$/;

/** Read-only or not: its own files belong to its own user. */
const spoilsGuard = `const guard = join(__dirname, 'guard.js');
  require('node:fs').chmodSync(guard, 0o644);
  require('node:fs').truncateSync(guard);
  process.stderr.write('this build has truncated ' + guard + '\\n');
  process.exit(1);`;

/** The program that stands in front of the real one, as text: it must run alone, on any node. */
function wrapper(behaviour) {
  const [kind, number] = behaviour.split('=');
  const acts = {
    crash: `process.stderr.write('this build crashes at start\\n');\n  process.exit(1);`,
    'spoils-guard': spoilsGuard,
    hang: 'setInterval(() => {}, 60_000);',
    'never-healthy': `process.stderr.write('this build never gets healthy\\n');\n  setInterval(() => {}, 60_000);`,
    'self-test-fails': `process.stderr.write('this build fails its self-test\\n');\n  process.exit(1);`,
    'dies-after': `dieAfter(${Number(number ?? 0)});\n  require('./app.js');`,
  };
  const verb = kind === 'self-test-fails' ? 'self-test' : 'daemon';
  return `#!/usr/bin/env node
'use strict';
const { existsSync, readFileSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');

function baseDirectory() {
  const at = process.argv.findIndex((word) => /^--config(=|$)/.test(word));
  const given = at > 0 && (process.argv[at].slice('--config='.length) || process.argv[at + 1]);
  const config = resolve(given || process.env.CLAUDECLUSTER_CONFIG || 'config.yaml');
  const base = /^base:[ \\t]*(?:"(.*)"|'(.*)'|(.*?))[ \\t]*$/m.exec(readFileSync(config, 'utf8'));
  return resolve(dirname(config), (base && (base[1] || base[2] || base[3])) || '.');
}

function dieAfter(milliseconds) {
  const marker = join(baseDirectory(), 'run', 'healthy.json');
  const watch = setInterval(() => {
    if (!existsSync(marker)) return;
    clearInterval(watch);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), milliseconds);
  }, 20);
  watch.unref();
}

/** The command: what is left when the options before it are gone. */
function command() {
  const words = process.argv.slice(2);
  while (words[0] && words[0].startsWith('-')) words.splice(0, words[0] === '--config' ? 2 : 1);
  return words[0];
}

if (command() === '${verb}') {
  ${acts[kind]}
} else {
  require('./app.js');
}
`;
}

/** Releases in a store are read-only; a copy that is changed must not be. */
async function makeWritable(dir) {
  await chmod(dir, 0o755);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(dir, entry.name));
  }
}

/**
 * Copies the build `from` to `to` (which must not exist yet), with a note and a behaviour, and stamps it.
 * Returns the stamp. Throws an Error that says what is wrong.
 */
export async function makeBuild({ from, to, note, behaviour }) {
  const source = resolve(from);
  const target = resolve(to);
  if (behaviour !== undefined && !patterns.test(behaviour)) throw new Error(`unknown behaviour ${behaviour}`);
  if ((await lstat(target).catch(() => null)) !== null) throw new Error(`${target} exists already`);
  try {
    await mkdir(resolve(target, '..'), { recursive: true });
    await cp(`${source}/`, target, { recursive: true, verbatimSymlinks: true });
    await makeWritable(target);
    // The files of a build are read-only: one is replaced, not written to. Modes are set by the stamp.
    await rm(join(target, 'NOTES.txt'), { force: true });
    await writeFile(join(target, 'NOTES.txt'), `${note ?? behaviour ?? 'a variant'}\n`);
    await chmod(join(target, 'NOTES.txt'), 0o444);
    if (behaviour !== undefined) {
      if (existsSync(join(target, 'app.js'))) throw new Error(`${source} has a behaviour already`);
      await rename(join(target, 'index.js'), join(target, 'app.js'));
      await writeFile(join(target, 'index.js'), wrapper(behaviour));
      await chmod(join(target, 'index.js'), 0o555);
    }
    return await writeVersion(target);
  } catch (thrown) {
    await rm(target, { recursive: true, force: true });
    throw thrown;
  }
}

async function main(argv) {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help);
    return 0;
  }
  const options = readOptions(argv, ['from', 'to', 'note', 'behaviour']);
  const unknown = options?.behaviour !== undefined && !patterns.test(options.behaviour);
  if (options === null || options.to === undefined || unknown) {
    process.stderr.write(help);
    return 2;
  }
  try {
    process.stdout.write(`${JSON.stringify(await makeBuild({ from: 'dist', ...options }))}\n`);
    return 0;
  } catch (thrown) {
    process.stderr.write(`make-build: ${thrown.message}\n`);
    return 1;
  }
}

if (isMain(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
