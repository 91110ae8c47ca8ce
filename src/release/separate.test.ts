import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manyFiles, sharedInodes, storeRelease, writeFiles } from '../../test/support/releases.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { withPartial } from './partial-lock.ts';
import { separateReleases } from './separate.ts';
import { releasePath, verifyRelease } from './store.ts';

let base: string;
let dir: string;
beforeEach(() => {
  const scratch = tempDir('separate');
  base = join(scratch, 'node');
  dir = join(scratch, 'build');
  mkdirSync(base);
});
afterEach(() => removeDir(join(base, '..')));

const plenty = async (): Promise<boolean> => true;
const files = { ...manyFiles(12, 500), 'sub/deep/tool': '#!/bin/sh\n' };

/** Two releases as builds up to 0.1.0 left them: files that are equal are one inode. `dist` leads to the second. */
async function oldStore(): Promise<[string, string]> {
  const first = await storeRelease(base, dir, files);
  const second = await storeRelease(base, dir, { 'lib/d0/f1.bin': 'changed' });
  const [from, to] = [releasePath(base, first), releasePath(base, second)];
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    const at = join(to, name);
    if (!lstatSync(at).isFile() || ['lib/d0/f1.bin', 'version.json'].includes(name)) continue;
    chmodSync(join(at, '..'), 0o755);
    removeDir(at);
    linkSync(join(from, name), at);
    chmodSync(join(at, '..'), 0o555);
  }
  symlinkSync(`releases/${second}`, join(base, 'dist'));
  return [first, second];
}
const strays = (): string[] => readdirSync(join(base, 'releases')).filter((name) => !/^[0-9a-f]{64}$/.test(name));

describe('a store in which an older build linked equal files', () => {
  it('is separated: every file has an inode of its own, and every release is what its name says, read-only', async () => {
    const [first, second] = await oldStore();
    expect(sharedInodes(releasePath(base, first), releasePath(base, second)).length).toBeGreaterThan(10);
    const { separated, left } = await separateReleases(base, { mayWrite: plenty });
    expect(separated).toBe(15);
    expect(left).toEqual({ files: 0, bytes: 0 });
    expect(sharedInodes(releasePath(base, first), releasePath(base, second))).toEqual([]);
    for (const hash of [first, second]) await verifyRelease(base, hash);
    expect(lstatSync(join(releasePath(base, first), 'lib/d0')).mode & 0o777).toBe(0o555);
    writeFileSync(join(releasePath(base, second), 'guard.js'), '');
    await verifyRelease(base, first);
    expect(strays()).toEqual([]);
  });

  it('has complete releases at every instant: whenever it is cut off, and it goes on from there', async () => {
    const [first, second] = await oldStore();
    for (let steps = 0; ; steps += 1) {
      let left = steps;
      const cut = async (): Promise<boolean> => {
        for (const hash of [first, second]) await verifyRelease(base, hash);
        left -= 1;
        if (left < 0) throw new Error('power cut');
        return true;
      };
      const done = await separateReleases(base, { mayWrite: cut }).then(
        () => true,
        () => false,
      );
      for (const hash of [first, second]) await verifyRelease(base, hash);
      if (done) break;
    }
    expect(sharedInodes(releasePath(base, first), releasePath(base, second))).toEqual([]);
    expect(lstatSync(join(releasePath(base, first), 'lib/d0')).mode & 0o777).toBe(0o555);
  });

  it('keeps what it has no room for, and says how much that is', async () => {
    const [first, second] = await oldStore();
    let room = 3_000;
    const little = async (bytes: number): Promise<boolean> => {
      if (bytes > room) return false;
      room -= bytes;
      return true;
    };
    const { left } = await separateReleases(base, { mayWrite: little });
    expect(left.files).toBeGreaterThan(0);
    expect(left.bytes).toBeGreaterThan(0);
    for (const hash of [first, second]) await verifyRelease(base, hash);
  });

  it('does not touch a release that is being put together just now', async () => {
    const [first, second] = await oldStore();
    const both = async (): Promise<unknown> => separateReleases(base, { mayWrite: plenty });
    await withPartial(base, first, undefined, () => withPartial(base, second, undefined, both));
    expect(sharedInodes(releasePath(base, first), releasePath(base, second)).length).toBeGreaterThan(10);
  });

  it('ends when it is asked to, and has nothing to do in a store of today', async () => {
    await oldStore();
    expect(await separateReleases(base, { mayWrite: plenty, signal: AbortSignal.abort() })).toMatchObject({
      separated: 0,
    });
    await separateReleases(base, { mayWrite: plenty });
    expect(await separateReleases(base, { mayWrite: plenty })).toEqual({ separated: 0, left: { files: 0, bytes: 0 } });
    expect(await separateReleases(join(base, 'nowhere'), { mayWrite: plenty })).toMatchObject({ separated: 0 });
  });

  it('makes read-only again what an interrupted run had opened', async () => {
    const hash = await storeRelease(base, dir, files);
    chmodSync(join(releasePath(base, hash), 'sub'), 0o755);
    writeFiles(join(base, 'releases'), { '.own.tmp-4194304-1': 'half a copy' });
    await separateReleases(base, { mayWrite: plenty });
    expect(lstatSync(join(releasePath(base, hash), 'sub')).mode & 0o777).toBe(0o555);
    expect(existsSync(join(base, 'releases', '.own.tmp-4194304-1'))).toBe(false);
  });
});
