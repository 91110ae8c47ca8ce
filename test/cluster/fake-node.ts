/** A node's base with fake releases: the guard is the real one, bundled; the daemon is a few lines that behave as told. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { monotonicMs, readBootId } from '../../src/base/boot.ts';
import type { Trial } from '../../src/trial/trial-file.ts';
import { removeDir } from '../support/temp.ts';
import { writeTrial } from './fake-trial.ts';

const here = dirname(fileURLToPath(import.meta.url));

export const good = 'a'.repeat(64);
export const bad = 'b'.repeat(64);
export const old = 'c'.repeat(64);

export type Behaviour = 'good' | 'crash' | 'hang' | 'quits' | 'dies-healthy' | 'with-child';

/** Bundles a program of ours for plain Node. */
export function bundle(entry: string, into: string): string {
  const outfile = join(into, `${entry.replaceAll(/\W/g, '-')}.js`);
  buildSync({
    entryPoints: [join(here, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
  });
  return outfile;
}

/** What the fake daemons do: the parts of the real one's contract that the supervisor and the guard see. */
function daemonSource(behaviour: Behaviour): string {
  return `
const fs = require('node:fs'), path = require('node:path');
const base = path.dirname(path.dirname(__dirname)), release = path.basename(__dirname);
const bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
fs.appendFileSync(path.join(base, 'starts.txt'), release[0]);
const healthy = () => {
  const file = path.join(base, 'run', 'healthy.json');
  const marker = { incarnation: String(process.pid), release, bootId, atMs: Number(process.hrtime.bigint() / 1000000n) };
  fs.writeFileSync(file + '.new', JSON.stringify(marker));
  fs.renameSync(file + '.new', file);
};
const stay = () => setInterval(() => {}, 1000);
const behaviours = {
  good() { healthy(); process.on('SIGTERM', () => process.exit(0)); stay(); },
  crash() { console.error('boom: cannot start'); process.exit(3); },
  hang() { process.on('SIGTERM', () => {}); console.log('hanging'); stay(); },
  quits() { process.exit(0); },
  'dies-healthy'() { healthy(); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 150); },
  'with-child'() {
    const child = require('node:child_process').spawn('sleep', ['300'], { stdio: 'ignore' });
    fs.writeFileSync(path.join(base, 'child.pid'), String(child.pid));
    healthy(); stay();
  },
};
behaviours[${JSON.stringify(behaviour)}]();
`;
}

export interface FakeNode {
  base: string;
  addRelease(hash: string, behaviour: Behaviour): void;
  /** As after `activate`, with these limits. */
  putOnTrial(limits?: {
    healthTimeoutMs?: number;
    trialMs?: number;
    bootsMax?: number;
    bootId?: string;
    startedAtMs?: number;
  }): Trial;
  markHealthy(hash: string): void;
  /** Hash that dist leads to, if the release is complete; throws otherwise (P2). */
  runs(): string;
  read(name: string): string | null;
  json(name: string): Record<string, unknown>;
  has(name: string): boolean;
  guard(verb: 'start' | 'check', from?: string): { code: number | null; result: Record<string, unknown>; ms: number };
  remove(): void;
}

/** A base with the releases `good` (installed), `bad` and `old`, all good-natured. `dir`: where (default: a new directory). */
export function fakeNode(guardFile: string, dir: string = mkdtempSync(join(tmpdir(), 'node-'))): FakeNode {
  const at = (name: string): string => join(dir, name);
  const node: FakeNode = {
    base: dir,
    addRelease(hash, behaviour) {
      mkdirSync(at(`releases/${hash}`), { recursive: true });
      writeFileSync(at(`releases/${hash}/index.js`), daemonSource(behaviour));
      writeFileSync(at(`releases/${hash}/guard.js`), readFileSync(guardFile));
      writeFileSync(at(`releases/${hash}/version.json`), JSON.stringify({ buildHash: hash }));
    },
    putOnTrial(limits = {}) {
      relink(at('dist.bak'), good);
      const trial = writeTrial(dir, { bootId: readBootId(), startedAtMs: monotonicMs(), ...limits });
      relink(at('dist'), bad);
      return trial;
    },
    markHealthy(hash) {
      const marker = { incarnation: 'i', release: hash, bootId: readBootId(), atMs: monotonicMs() };
      writeFileSync(at('run/healthy.json'), JSON.stringify(marker));
    },
    runs() {
      const hash = readlinkSync(at('dist')).slice('releases/'.length);
      for (const file of ['index.js', 'guard.js', 'version.json']) {
        if (!existsSync(at(`dist/${file}`))) throw new Error(`dist lacks ${file}`);
      }
      return hash;
    },
    read: (name) => (node.has(name) ? readFileSync(at(name), 'utf8') : null),
    json: (name) => JSON.parse(readFileSync(at(name), 'utf8')) as Record<string, unknown>,
    has(name) {
      try {
        lstatSync(at(name));
        return true;
      } catch {
        return false;
      }
    },
    guard(verb, from = good) {
      const before = monotonicMs();
      const file = at(`releases/${from}/guard.js`);
      const done = spawnSync(process.execPath, [file, verb, '--base', dir, '--json'], { encoding: 'utf8' });
      const ms = monotonicMs() - before;
      if (done.stdout === '') throw new Error(`the guard said nothing: ${done.stderr}`);
      return { code: done.status, result: JSON.parse(done.stdout) as Record<string, unknown>, ms };
    },
    remove: () => removeDir(dir),
  };
  for (const name of ['run', 'data', 'log']) mkdirSync(at(name), { recursive: true });
  for (const hash of [old, good, bad]) node.addRelease(hash, 'good');
  relink(at('dist'), good);
  return node;
}

function relink(path: string, hash: string): void {
  rmSync(path, { force: true });
  symlinkSync(`releases/${hash}`, path);
}

/** A small tmpfs below `dir`, or null where we may not mount. */
export function mountSmall(dir: string, size: string): { unmount(): void; remountReadOnly(): void } | null {
  mkdirSync(dir, { recursive: true });
  const mount = (options: string): void => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], { stdio: 'ignore' });
  };
  try {
    mount(`size=${size}`);
  } catch {
    return null;
  }
  return {
    unmount: () => execFileSync('umount', ['-l', dir], { stdio: 'ignore' }),
    remountReadOnly: () => execFileSync('mount', ['-o', 'remount,ro', dir], { stdio: 'ignore' }),
  };
}
