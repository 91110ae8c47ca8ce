import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Files, makeRelease, stampTree, writeFiles } from '../../test/support/releases.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { installPartial } from './install.ts';
import { prune } from './prune.ts';
import { listReleases, partialPath, releasePath, verifyRelease } from './store.ts';
import { readVersion, releaseRef } from './version.ts';

let base: string;
beforeEach(() => {
  base = tempDir('store');
});
afterEach(() => removeDir(base));

/** A tree as a transfer leaves it. */
async function arrive(files: Files = {}): Promise<string> {
  const dir = join(base, 'releases', 'arriving');
  const hash = await makeRelease(dir, files);
  renameSync(dir, partialPath(base, hash));
  return hash;
}
async function install(files: Files = {}): Promise<string> {
  const hash = await arrive(files);
  await installPartial(base, hash);
  return hash;
}
const names = (): string[] => readdirSync(join(base, 'releases')).sort();

describe('installing', () => {
  it('gives a verified tree its name, read-only, and does nothing the second time', async () => {
    const hash = await arrive({ 'lib/a': '1' });
    expect(await installPartial(base, hash)).toMatchObject({ alreadyThere: false, release: { hash } });
    expect(names()).toEqual([hash]);
    expect(lstatSync(join(releasePath(base, hash), 'lib')).mode & 0o777).toBe(0o555);
    expect(lstatSync(join(releasePath(base, hash), 'lib/a')).mode & 0o777).toBe(0o644);
    expect(await installPartial(base, hash)).toMatchObject({ alreadyThere: true });
  });

  it('leaves a tree that is something else alone, with the hash seen and wanted', async () => {
    const hash = await arrive();
    writeFiles(partialPath(base, hash), { extra: '' });
    await expect(installPartial(base, hash)).rejects.toMatchObject({
      code: 'verify-failed',
      detail: { wanted: hash, seen: expect.stringMatching(/^[0-9a-f]{64}/) },
    });
    expect(names()).toEqual([`${hash}.partial`]);
  });

  it('refuses a tree without index.js or guard.js, and a stamp that names another build', async () => {
    const dir = join(base, 'releases', 'arriving');
    writeFiles(dir, { 'index.js': '' });
    const hash = await stampTree(dir);
    renameSync(dir, partialPath(base, hash));
    await expect(installPartial(base, hash)).rejects.toMatchObject({
      code: 'release-invalid',
      message: expect.stringContaining('guard.js'),
    });
    const other = await arrive();
    const stamp = { ...(await readVersion(partialPath(base, other))), buildHash: 'f'.repeat(64) };
    writeFileSync(join(partialPath(base, other), 'version.json'), JSON.stringify(stamp));
    await expect(installPartial(base, other)).rejects.toMatchObject({
      code: 'release-invalid',
      detail: { wanted: other },
    });
  });

  it('has nothing to install when nothing arrived', async () => {
    await expect(installPartial(base, 'a'.repeat(64))).rejects.toMatchObject({ code: 'not-found' });
    await expect(installPartial(base, '../..')).rejects.toMatchObject({ code: 'usage' });
  });

  it('mends a damaged release in place when dist points to it, so that dist always points to something', async () => {
    const files = { 'lib/a': '1', 'lib/sub/b': '2', 'was-file': 'x', 'gone/c': '3' };
    const hash = await install(files);
    symlinkSync(`releases/${hash}`, join(base, 'dist'));
    const release = releasePath(base, hash);
    const inode = lstatSync(release).ino;
    for (const dir of ['.', 'lib', 'lib/sub', 'gone']) chmodSync(join(release, dir), 0o755);
    writeFiles(release, { 'lib/a': 'damaged', 'lib/intruder': '', 'intruders/x': '' });
    chmodSync(join(release, 'index.js'), 0o600);
    removeDir(join(release, 'gone'));
    removeDir(join(release, 'was-file'));
    mkdirSync(join(release, 'was-file/deep'), { recursive: true });
    const failure = await verifyRelease(base, hash).catch((error) => error);
    expect(failure.message).toContain('index.js has mode 600, not 644');
    await arrive(files);
    await installPartial(base, hash);
    await verifyRelease(base, hash);
    expect(lstatSync(release).ino).toBe(inode);
    expect(names()).toEqual([hash]);
  });
});

describe('looking', () => {
  it('lists the releases on disk, the last installed first, without damaged, half-made and foreign ones', async () => {
    const first = await install({ n: '1' });
    const second = await install({ n: '2' });
    const third = await install({ n: '3' });
    chmodSync(releasePath(base, second), 0o755);
    writeFileSync(join(releasePath(base, second), 'version.json'), '{');
    await arrive({ n: '4' });
    mkdirSync(join(base, 'releases', 'notes'));
    symlinkSync('/tmp', join(base, 'releases', 'e'.repeat(64)));
    const listed = await listReleases(base);
    expect(listed.map(({ hash }) => hash)).toEqual([third, first]);
    expect(listed.map(({ version }) => releaseRef(version))).toEqual([
      { buildHash: third, version: '1.0.0', gitCommit: 'abc1234' },
      { buildHash: first, version: '1.0.0', gitCommit: 'abc1234' },
    ]);
  });

  it('finds every kind of damage in the whole tree, and names the file', async () => {
    const hash = await install({ 'lib/a': '1' });
    chmodSync(join(releasePath(base, hash), 'lib/a'), 0o755);
    await expect(verifyRelease(base, hash)).rejects.toThrow(/lib\/a has mode 755, not 644/);
    chmodSync(join(releasePath(base, hash), 'lib/a'), 0o644);
    await verifyRelease(base, hash);
    removeDir(join(base, 'data'));
    writeFileSync(join(releasePath(base, hash), 'lib/a'), 'x');
    await expect(verifyRelease(base, hash)).rejects.toMatchObject({ code: 'verify-failed' });
    await expect(verifyRelease(base, 'd'.repeat(64))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('knows an empty base', async () => {
    expect(await listReleases(base)).toEqual([]);
  });
});

describe('pruning', () => {
  it('keeps the newest beside those in use: dist, dist.bak, and whatever a trial names, readable or not', async () => {
    const hashes: string[] = [];
    for (const n of ['1', '2', '3', '4', '5', '6', '7']) hashes.push(await install({ n }));
    const [dist, bak, trial, ending, old, newer, newest] = hashes;
    symlinkSync(`releases/${dist}`, join(base, 'dist'));
    symlinkSync(`releases/${bak}`, join(base, 'dist.bak'));
    writeFileSync(join(base, 'trial.json'), `{"release":"${trial}","truncat`);
    writeFileSync(join(base, 'trial.ending.json'), JSON.stringify({ knownGood: ending }));
    expect(await prune(base, 2)).toEqual([old]);
    expect(names()).toEqual([dist, bak, trial, ending, newer, newest].sort());
    expect(await prune(base, 0, [String(newest)])).toEqual([newer]);
  });
});
