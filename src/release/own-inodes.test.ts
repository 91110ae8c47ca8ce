import { mkdirSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manyFiles, sharedInodes, stampTree, storeRelease, writeFiles } from '../../test/support/releases.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { rsync } from '../adapters/rsync/index.ts';
import { type CloneFile, seedByClone } from './seed.ts';
import { partialPath, releasePath, verifyRelease, verifyTree } from './store.ts';
import { copyIntoPartial } from './transfer.ts';
import { removeTree } from './tree.ts';

let base: string;
let dir: string;
beforeEach(() => {
  const scratch = tempDir('inodes');
  base = join(scratch, 'node');
  dir = join(scratch, 'build');
  mkdirSync(base);
});
afterEach(() => removeDir(join(base, '..')));

async function nextBuild(): Promise<string> {
  writeFiles(dir, { 'lib/d0/f1.bin': 'changed' });
  return stampTree(dir);
}

describe('two releases on a disk', () => {
  it('share no inode when the second one is brought in beside the first', async () => {
    const first = await storeRelease(base, dir, manyFiles(30, 2_000));
    const second = await storeRelease(base, dir, { 'lib/d0/f1.bin': 'changed' });
    expect(sharedInodes(releasePath(base, first), releasePath(base, second))).toEqual([]);
    await verifyRelease(base, first);
    await verifyRelease(base, second);
  });

  it('share none while the second one is a partial either', async () => {
    const first = await storeRelease(base, dir, manyFiles(30, 2_000));
    const hash = await nextBuild();
    await copyIntoPartial({ transfer: rsync, base, hash, from: dir });
    expect(sharedInodes(releasePath(base, first), partialPath(base, hash))).toEqual([]);
  });

  it('are two trees: what one writes into its own file does not reach the other', async () => {
    const first = await storeRelease(base, dir, manyFiles(3, 2_000));
    const second = await storeRelease(base, dir, { 'lib/d0/f1.bin': 'changed' });
    writeFileSync(join(releasePath(base, second), 'guard.js'), '');
    await verifyRelease(base, first);
    await expect(verifyRelease(base, second)).rejects.toMatchObject({ code: 'verify-failed' });
  });
});

describe('a partial that begins with what the newest release has', () => {
  const begin = async (hash: string, release: string, clone: CloneFile): Promise<void> => {
    mkdirSync(partialPath(base, hash), { recursive: true });
    await seedByClone(partialPath(base, hash), releasePath(base, release), clone);
    await copyIntoPartial({ transfer: rsync, base, hash, from: dir });
  };

  it('ends up as the source is, whatever the files of that release had become', async () => {
    const first = await storeRelease(base, dir, { ...manyFiles(20, 2_000), 'was/a/dir': 'x', 'was-a-file': 'y' });
    writeFileSync(join(releasePath(base, first), 'lib/d0/f3.bin'), 'rot');
    await removeTree(join(dir, 'was'));
    await removeTree(join(dir, 'was-a-file'));
    writeFiles(dir, { was: 'a file now', 'was-a-file/now/a': 'directory' });
    const hash = await nextBuild();
    let clones = 0;
    await begin(hash, first, async (from, to) => {
      clones += 1;
      await copyFile(from, to);
    });
    expect(clones).toBeGreaterThan(20);
    await verifyTree(partialPath(base, hash), hash);
    expect(sharedInodes(releasePath(base, first), partialPath(base, hash))).toEqual([]);
  });

  it('is complete all the same where the file system cannot clone', async () => {
    const first = await storeRelease(base, dir, manyFiles(20, 2_000));
    const hash = await nextBuild();
    let asked = 0;
    await begin(hash, first, async () => {
      asked += 1;
      throw Object.assign(new Error('not supported'), { code: 'ENOTSUP' });
    });
    expect(asked).toBe(1);
    await verifyTree(partialPath(base, hash), hash);
  });
});
