import { chmodSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rsync } from '../src/adapters/rsync/index.ts';
import { hashRelease } from '../src/release/hash.ts';
import { importDirectory } from '../src/release/stage.ts';
import { releasePath, verifyRelease } from '../src/release/store.ts';
import { makeBuild, stamp } from '../test/support/builds.ts';
import { awkward, makeRelease, shape, writeFiles } from '../test/support/releases.ts';
import { removeDir, tempDir } from '../test/support/temp.ts';

let scratch: string;
let dir: string;
beforeEach(() => {
  scratch = tempDir('stamp');
  dir = join(scratch, 'build');
  writeFiles(dir, { ...shape, ...awkward });
  chmodSync(join(dir, 'index.js'), 0o755);
});
afterEach(() => removeDir(scratch));

/** Modes of all files of a build, its stamp too. */
async function modes(root: string): Promise<string[]> {
  const files = (await hashRelease(root)).entries.filter(({ kind }) => kind === 'file').map(({ mode }) => mode);
  return [...new Set([...files, lstatSync(join(root, 'version.json')).mode & 0o7777])]
    .map((mode) => mode.toString(8))
    .sort();
}

it('stamps a build whose files nobody may write: what may be run stays so, and the hash is of the tree as it is then', async () => {
  const { buildHash } = await stamp(dir);
  expect(await modes(dir)).toEqual(['444', '555']);
  expect((await hashRelease(dir)).hash).toBe(buildHash);
  expect((await stamp(dir)).buildHash).toBe(buildHash);
});

it('makes them read-only on every node, for the modes are part of the name', async () => {
  const { buildHash } = await stamp(dir);
  const base = join(scratch, 'node');
  mkdirSync(base);
  await importDirectory({ transfer: rsync, base, dir });
  expect(await modes(releasePath(base, buildHash))).toEqual(['444', '555']);
  await verifyRelease(base, buildHash);
});

it('takes builds of before, whose files may be written, as they are', async () => {
  const old = join(scratch, 'old');
  const hash = await makeRelease(old);
  const base = join(scratch, 'node');
  mkdirSync(base);
  await importDirectory({ transfer: rsync, base, dir: old });
  expect(await modes(releasePath(base, hash))).toContain('644');
  await verifyRelease(base, hash);
});

it('does not reach through a link', async () => {
  writeFileSync(join(scratch, 'outside'), '', { mode: 0o644 });
  symlinkSync('../outside', join(dir, 'link'));
  await expect(stamp(dir)).rejects.toThrow(/leaves the release/);
  expect(lstatSync(join(scratch, 'outside')).mode & 0o777).toBe(0o644);
});

it('is stamped again after a change, and so is a variant of a variant', async () => {
  const plain = join(scratch, 'a');
  writeFiles(plain, shape);
  const first = await stamp(plain);
  const { version: variant } = await makeBuild({ from: plain, to: join(scratch, 'b'), note: 'b' });
  const { version: next } = await makeBuild({ from: join(scratch, 'b'), to: join(scratch, 'c'), note: 'c' });
  expect(new Set([first, variant, next].map((one) => one.buildHash)).size).toBe(3);
  expect(readFileSync(join(scratch, 'c/NOTES.txt'), 'utf8')).toBe('c\n');
  expect(await modes(join(scratch, 'c'))).toEqual(['444']);
});
