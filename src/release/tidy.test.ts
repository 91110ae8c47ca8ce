import { chmodSync, linkSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { storeRelease } from '../../test/support/releases.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { withPartial } from './partial-lock.ts';
import { purgeStale, removeStale, separateWithinRoom } from './tidy.ts';

let base: string;
beforeEach(() => {
  base = tempDir('tidy');
});
afterEach(() => removeDir(base));

const [release, partial, gone, other] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(64));
const names = (): string[] => readdirSync(join(base, 'releases')).sort();
function make(...dirs: string[]): void {
  for (const dir of dirs) mkdirSync(join(base, 'releases', dir, 'sub'), { recursive: true });
}

it('removes what crashes left, read-only or not, and neither releases nor what is not its own', async () => {
  make(`${release}`, `${partial}.partial`, `${gone}.gone`, 'notes.partial');
  chmodSync(join(base, 'releases', `${gone}.gone`), 0o555);
  expect((await removeStale(base)).sort()).toEqual([`${partial}.partial`, `${gone}.gone`].sort());
  expect(names()).toEqual([`${release}`, 'notes.partial'].sort());
  expect(await removeStale(base)).toEqual([]);
  expect(await removeStale(join(base, 'nowhere'))).toEqual([]);
});

it('leaves what somebody fills just now', async () => {
  make(`${partial}.partial`, `${other}.partial`);
  await withPartial(base, `${partial}`, undefined, async () => {
    expect(await removeStale(base)).toEqual([`${other}.partial`]);
  });
  expect(await removeStale(base)).toEqual([`${partial}.partial`]);
});

it('keeps a partial that was tried a moment ago, whatever times its files claim; half a removal goes all the same', async () => {
  make(`${partial}.partial`, `${gone}.gone`);
  utimesSync(join(base, 'releases', `${partial}.partial`), 0, 0);
  expect(await purgeStale(base, { reserveBytes: 0 })).toEqual([`${gone}.gone`]);
  expect(names()).toEqual([`${partial}.partial`]);
});

it('keeps none where the reserve of the disk is touched', async () => {
  make(`${partial}.partial`);
  expect(await purgeStale(base, { reserveBytes: Number.MAX_SAFE_INTEGER })).toEqual([`${partial}.partial`]);
});

it('separates what an older build linked only where the reserve of the disk stays free', async () => {
  const hashes = [];
  for (const note of ['one', 'two'])
    hashes.push(await storeRelease(base, join(base, note), { 'lib/shared': 'equal', note }));
  const [one, two] = hashes.map((hash) => join(base, 'releases', hash, 'lib/shared')) as [string, string];
  chmodSync(join(two, '..'), 0o755);
  rmSync(two);
  linkSync(one, two);
  const kept = await separateWithinRoom(base, { reserveBytes: Number.MAX_SAFE_INTEGER });
  expect(kept).toMatchObject({ separated: 0, left: { files: 2 } });
  expect(statSync(two).nlink).toBe(2);
  expect(await separateWithinRoom(base, { reserveBytes: 0 })).toMatchObject({ separated: 1, left: { files: 0 } });
});
