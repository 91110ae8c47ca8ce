import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createDisk,
  readLinkHash,
  removeDurable,
  removeStrayTmp,
  switchLink,
  tmpName,
  writeJsonAtomic,
} from './files.ts';

const hash = 'a'.repeat(64);
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'link-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const failing = (at: string) =>
  createDisk((change) => {
    if (change === at) throw Object.assign(new Error('injected'), { code: 'ENOSPC' });
  });

describe('switchLink', () => {
  it('makes a link, and replaces one', () => {
    switchLink(join(dir, 'dist'), 'releases/x');
    switchLink(join(dir, 'dist'), `releases/${hash}`);
    expect(readlinkSync(join(dir, 'dist'))).toBe(`releases/${hash}`);
    expect(readdirSync(dir)).toEqual(['dist']);
  });

  it('leaves the old link, and nothing else, when the disk refuses', () => {
    switchLink(join(dir, 'dist'), 'releases/old');
    for (const at of ['symlink', 'rename']) {
      expect(() => switchLink(join(dir, 'dist'), 'releases/new', failing(at))).toThrow('injected');
    }
    expect(readlinkSync(join(dir, 'dist'))).toBe('releases/old');
    expect(readdirSync(dir)).toEqual(['dist']);
  });
});

describe('readLinkHash', () => {
  it.each([
    [`releases/${hash}`, hash],
    [`./releases/${hash}/`, hash],
    ['releases/short', null],
    [`/elsewhere/releases/${hash}`, null],
    [`releases/${hash}/../x`, null],
  ])('%s', (target, wanted) => {
    symlinkSync(target, join(dir, 'dist'));
    expect(readLinkHash(join(dir, 'dist'))).toBe(wanted);
  });

  it('is null for a directory and for nothing', () => {
    expect(readLinkHash(dir)).toBeNull();
    expect(readLinkHash(join(dir, 'none'))).toBeNull();
  });
});

describe('files', () => {
  it('are all of the old or all of the new', () => {
    const file = join(dir, 'f.json');
    writeJsonAtomic(file, { n: 1 });
    for (const at of ['create', 'rename'])
      expect(() => writeJsonAtomic(file, { n: 2 }, failing(at))).toThrow('injected');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ n: 1 });
    expect(readdirSync(dir)).toEqual(['f.json']);
  });

  it('can be removed twice', () => {
    writeFileSync(join(dir, 'f'), '');
    expect([removeDurable(join(dir, 'f')), removeDurable(join(dir, 'f'))]).toEqual([true, false]);
  });

  it('of dead processes are cleared away, those of living ones are kept', () => {
    const mine = tmpName(join(dir, 'dist'));
    writeFileSync(mine, '');
    // Above the largest pid that Linux gives.
    writeFileSync(join(dir, '.dist.tmp-4194399-abc'), '');
    writeFileSync(join(dir, '.unrelated'), '');
    removeStrayTmp(dir);
    expect(existsSync(mine)).toBe(true);
    expect(readdirSync(dir)).toHaveLength(2);
  });
});
