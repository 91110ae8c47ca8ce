import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { readVersion, releaseRef } from './version.ts';

const good = {
  buildHash: 'a'.repeat(64),
  builtAt: '2026-02-17T14:30:00Z',
  gitCommit: '387b231',
  version: '0.1.0',
  protocol: { min: 1, max: 2 },
  node: '>=20.19',
};

let dir: string;
beforeEach(() => {
  dir = tempDir('version');
});
afterEach(() => removeDir(dir));
const write = (content: unknown): void =>
  writeFileSync(join(dir, 'version.json'), typeof content === 'string' ? content : JSON.stringify(content));

describe('a stamp', () => {
  it('is read, and what a newer build adds to it is left out', async () => {
    write({ ...good, signature: 'later' });
    expect(await readVersion(dir)).toEqual(good);
    expect(releaseRef(good)).toEqual({ buildHash: good.buildHash, version: '0.1.0', gitCommit: '387b231' });
  });

  it('says what the build needs of the others, and keeps a need that only a newer build knows', async () => {
    const needs = { protocol: 2, from: '>=0.2.0 <0.4.0', through: '0.2.1', etcd: '>=3.5' };
    write({ ...good, needs });
    expect(await readVersion(dir)).toEqual({ ...good, needs });
  });

  it('that is missing is told from one that is malformed', async () => {
    await expect(readVersion(dir)).rejects.toMatchObject({
      code: 'release-invalid',
      message: expect.stringContaining('missing'),
    });
    await expect(readVersion(join(dir, 'no', 'such'))).rejects.toMatchObject({
      message: expect.stringContaining('missing'),
    });
    write('{"buildHash":');
    await expect(readVersion(dir)).rejects.toMatchObject({
      code: 'release-invalid',
      message: expect.stringContaining('malformed'),
    });
  });

  it.each([
    ['buildHash', { ...good, buildHash: 'A'.repeat(64) }],
    ['builtAt', { ...good, builtAt: 'yesterday' }],
    ['gitCommit', { ...good, gitCommit: 7 }],
    ['version', { ...good, version: '' }],
    ['protocol', { ...good, protocol: { min: 2, max: 1 } }],
    ['protocol.min', { ...good, protocol: { min: '1', max: 1 } }],
    ['node', { ...good, node: null }],
    ['needs.from', { ...good, needs: { from: 'newer ones' } }],
    ['needs.through', { ...good, needs: { through: 'v' } }],
    ['needs', { ...good, needs: { from: '>=0.3.0', through: '0.2.0' } }],
    ['the whole of it', []],
    ['the whole of it', 'null'],
  ])('with a bad field names it: %s', async (field, content) => {
    write(content);
    await expect(readVersion(dir)).rejects.toMatchObject({
      code: 'release-invalid',
      message: expect.stringContaining(`malformed: ${field}`),
    });
  });

  it('that is a directory is a clear error', async () => {
    mkdirSync(join(dir, 'version.json'));
    await expect(readVersion(dir)).rejects.toMatchObject({ code: 'release-invalid' });
  });
});
