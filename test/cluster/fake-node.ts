/** A node's base with fake releases: the guard is the real one, bundled; the daemon is a few lines that behave as told. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
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
import { sum } from '../../src/release/tree-hash.js';
import type { Trial } from '../../src/trial/trial-file.ts';
import { removeDir } from '../support/temp.ts';
import { writeTrial } from './fake-trial.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** What the fake daemons do: the parts of the real one's contract that the supervisor and the guard see. */
const daemonSource = `
const fs = require('node:fs'), path = require('node:path');
const base = path.dirname(path.dirname(__dirname)), release = path.basename(__dirname);
const bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const letter = fs.readFileSync(path.join(__dirname, 'letter.txt'), 'utf8');
fs.appendFileSync(path.join(base, 'starts.txt'), letter);
const behaviour = fs.readFileSync(path.join(base, 'behaviours', release), 'utf8');
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
behaviours[behaviour]();
`;

const stamp = {
  builtAt: '2026-01-01T00:00:00.000Z',
  gitCommit: 'fake',
  version: '1.0.0',
  protocol: { min: 1, max: 1 },
  node: '>=20',
};

/** How a guard or another program of ours becomes one file. */
const bundling = { bundle: true, platform: 'node', format: 'cjs', target: 'node20' } as const;
const guardText =
  buildSync({
    ...bundling,
    entryPoints: [join(here, '../../src/trial/guard-main.ts')],
    write: false,
  }).outputFiles[0]?.text ?? '';

/** The files of the release of that letter; what its daemon does is told to it from outside, so that its hash stays. */
const filesOf = (letter: string): Record<string, string> => ({
  'guard.js': guardText,
  'index.js': daemonSource,
  'letter.txt': letter,
});

function hashOf(letter: string): string {
  const entries = Object.entries(filesOf(letter)).map(([name, text]) => ({
    path: Buffer.from(name),
    kind: 'file' as const,
    mode: 0o644,
    size: Buffer.byteLength(text),
    digest: createHash('sha256').update(text).digest(),
    target: null,
  }));
  return sum(entries).hash;
}

const letters = new Map(['a', 'b', 'c'].map((letter) => [hashOf(letter), letter]));
export const [good, bad, old] = [...letters.keys()] as [string, string, string];
// For the programs that the tests start.
Object.assign(process.env, { FAKE_BAD: bad, FAKE_OLD: old });

export type Behaviour = 'good' | 'crash' | 'hang' | 'quits' | 'dies-healthy' | 'with-child';

/** Bundles a program of ours for plain Node. */
export function bundle(entry: string, into: string): string {
  const outfile = join(into, `${entry.replaceAll(/\W/g, '-')}.js`);
  buildSync({ ...bundling, entryPoints: [join(here, entry)], outfile });
  return outfile;
}

export interface FakeNode {
  base: string;
  addRelease(hash: string, behaviour: Behaviour): void;
  /** The code of this release's supervisor. */
  addSupervisor(hash: string, source: string): void;
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
  /** Names in the base that begin like this. */
  files(prefix: string): string[];
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
      mkdirSync(at('behaviours'), { recursive: true });
      writeFileSync(at(`behaviours/${hash}`), behaviour);
      for (const [name, text] of Object.entries(filesOf(letters.get(hash) ?? ''))) {
        writeFileSync(at(`releases/${hash}/${name}`), name === 'guard.js' ? readFileSync(guardFile) : text);
        chmodSync(at(`releases/${hash}/${name}`), 0o644);
      }
      writeFileSync(at(`releases/${hash}/version.json`), JSON.stringify({ ...stamp, buildHash: hash }));
    },
    addSupervisor: (hash, source) => writeFileSync(at(`releases/${hash}/supervisor.js`), source),
    putOnTrial(limits = {}) {
      relink(at('dist.bak'), good);
      const trial = writeTrial(dir, {
        release: bad,
        knownGood: good,
        bootId: readBootId(),
        startedAtMs: monotonicMs(),
        ...limits,
      });
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
    files: (prefix) => readdirSync(dir).filter((name) => name.startsWith(prefix)),
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
