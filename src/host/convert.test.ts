import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDisk } from '../base/files.ts';
import { ClusterError } from '../errors.ts';
import { runGuard } from '../trial/guard.ts';
import { type ConvertDeps, convertDist } from './convert.ts';

const hash = 'a'.repeat(64);
let base = '';
function plainBase(): void {
  base = mkdtempSync(join(tmpdir(), 'convert-'));
  mkdirSync(join(base, 'dist'));
  for (const file of ['index.js', 'guard.js', 'version.json']) writeFileSync(join(base, 'dist', file), file);
}
beforeEach(plainBase);
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** As the store does it: put together under another name, then one rename. */
const importDirectory: ConvertDeps['importDirectory'] = async (into, dir) => {
  const release = join(into, 'releases', hash);
  if (!existsSync(release)) {
    cpSync(dir, `${release}.partial`, { recursive: true });
    renameSync(`${release}.partial`, release);
  }
  return { version: { buildHash: hash } };
};
const guard = () => runGuard({ base, reason: 'start', bootId: 'b', nowMs: 1, wallIso: 'now' });
const link = (): string => readlinkSync(join(base, 'dist'));
const leftovers = (): boolean[] => ['convert.json', 'dist.converting'].map((name) => existsSync(join(base, name)));

it('a plain dist becomes a release and a link to it, once', async () => {
  expect(await convertDist({ base, importDirectory })).toBe(hash);
  expect([link(), ...leftovers()]).toEqual([`releases/${hash}`, false, false]);
  expect(await convertDist({ base, importDirectory })).toBeNull();
  expect(guard()).toMatchObject({ action: 'start', release: hash });
});

it('a read-only dist is converted like any other, and nothing of it stays', async () => {
  await importDirectory(base, join(base, 'dist'));
  chmodSync(join(base, 'dist'), 0o555);
  expect(await convertDist({ base, importDirectory })).toBe(hash);
  expect([link(), ...leftovers()]).toEqual([`releases/${hash}`, false, false]);
});

it('a dist that is no release stays what it is', async () => {
  const refuse = (): Promise<never> => Promise.reject(new ClusterError('release-invalid', 'no stamp'));
  await expect(convertDist({ base, importDirectory: refuse })).rejects.toMatchObject({ code: 'release-invalid' });
  expect(lstatSync(join(base, 'dist')).isDirectory()).toBe(true);
  expect(guard()).toMatchObject({ action: 'start', run: join(base, 'dist') });
});

it('where the link cannot be made the directory comes back', async () => {
  const disk = createDisk((change) => {
    if (change === 'symlink') throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  });
  await expect(convertDist({ base, importDirectory, disk })).rejects.toMatchObject({ code: 'disk' });
  expect(readFileSync(join(base, 'dist/index.js'), 'utf8')).toBe('index.js');
});

it('with the power cut at any change the code is found by the guard alone, and by the next conversion alone (P2)', async () => {
  for (const recover of ['guard', 'convert']) {
    let k = 0;
    for (let off = true; off; ) {
      k += 1;
      rmSync(base, { recursive: true, force: true });
      plainBase();
      let changes = 0;
      const disk = createDisk(() => {
        changes += 1;
        if (changes >= k) throw Object.assign(new Error('no power'), { code: 'EIO' });
      });
      await convertDist({ base, importDirectory, disk }).catch(() => {});
      off = changes >= k;
      if (recover === 'convert') await convertDist({ base, importDirectory });
      const { run } = guard();
      expect(readFileSync(join(run ?? '', 'index.js'), 'utf8'), `${recover} k=${k}`).toBe('index.js');
      await convertDist({ base, importDirectory });
      expect([link(), ...leftovers()], `${recover} k=${k}`).toEqual([`releases/${hash}`, false, false]);
    }
    expect(k).toBeGreaterThan(7);
  }
});

it('an import that had not finished, with dist already aside, gets its directory back', async () => {
  renameSync(join(base, 'dist'), join(base, 'dist.converting'));
  expect(guard()).toMatchObject({ run: join(base, 'dist') });
  expect(await convertDist({ base, importDirectory })).toBe(hash);
});
