/** Small trees that are releases in shape: for tests of the store and the transfer, which do not care what runs. */
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rsync } from '../../src/adapters/rsync/index.ts';
import { hashRelease } from '../../src/release/hash.ts';
import { importDirectory } from '../../src/release/stage.ts';
import { below } from '../../src/release/tree.ts';

/** Path (bytes as latin1) → content. */
export type Files = Record<string, string | Buffer>;

export const shape: Files = {
  'index.js': "process.exit(process.argv[2] === 'self-test' ? 0 : 1);\n",
  'guard.js': '// guard\n',
  'package.json': '{"type":"commonjs"}\n',
};

/** Writes the files below `dir`, mode 644. */
export function writeFiles(dir: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const path = below(dir, Buffer.from(name, 'latin1'));
    mkdirSync(Buffer.from(dirname(path.toString('latin1')), 'latin1'), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, 0o644);
  }
}

/** Stamps the tree as write-version.js does; returns the hash. */
export async function stampTree(dir: string, version = '1.0.0'): Promise<string> {
  const { hash } = await hashRelease(dir);
  const stamp = {
    buildHash: hash,
    builtAt: '2026-01-02T03:04:05.000Z',
    gitCommit: 'abc1234',
    version,
    protocol: { min: 1, max: 1 },
    node: '>=20.19',
  };
  writeFileSync(join(dir, 'version.json'), JSON.stringify(stamp));
  return hash;
}

/** A stamped build in `dir`: the shape of a release and `files`. Returns its hash. */
export async function makeRelease(dir: string, files: Files = {}): Promise<string> {
  mkdirSync(dir, { recursive: true });
  writeFiles(dir, { ...shape, ...files });
  return stampTree(dir);
}

/** The same, put into the store of `base`. */
export async function storeRelease(base: string, scratch: string, files: Files = {}): Promise<string> {
  const hash = await makeRelease(scratch, files);
  await importDirectory({ transfer: rsync, base, dir: scratch });
  return hash;
}

/** `count` files of `bytes` random bytes each, in directories of 100. */
export function manyFiles(count: number, bytes: number): Files {
  const names = Array.from({ length: count }, (_, number) => `lib/d${Math.floor(number / 100)}/f${number}.bin`);
  return Object.fromEntries(names.map((name) => [name, randomBytes(bytes)]));
}

/** Names that a shell, a line-based tool or a text decoder would stumble over; as latin1, byte for byte. */
export const awkward: Files = {
  'with space/a b.txt': 'space',
  'new\nline.txt': 'newline',
  '-rf': 'leading dash',
  'dir/--delete': 'an option',
  '\xff\xfe bytes': 'not UTF-8',
  [Buffer.from('žluťoučký/日本語').toString('latin1')]: 'any script',
  'quote \' " $(touch x) `x` *?[a]': 'shell',
  'trailing ': 'space at the end',
};

/** Inode → a file below the directory, by its full path. */
function inodes(dir: Buffer): Map<number, string> {
  const found = readdirSync(dir, { encoding: 'buffer' }).flatMap((name): [number, string][] => {
    const at = below(dir, name);
    const stats = lstatSync(at);
    if (stats.isDirectory()) return [...inodes(at)];
    return stats.isFile() ? [[stats.ino, at.toString()]] : [];
  });
  return new Map(found);
}

/** Files below `one` that are files below `other`, too. */
export function sharedInodes(one: string, other: string): string[] {
  const there = inodes(Buffer.from(other));
  return [...inodes(Buffer.from(one))].filter(([ino]) => there.has(ino)).map(([, name]) => name);
}
