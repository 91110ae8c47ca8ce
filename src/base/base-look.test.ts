import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBaseLook } from './base-look.ts';

let dir = '';
let base = '';
let now = 0;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'base-'));
  base = join(dir, 'n1');
  mkdirSync(base);
  now = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const looker = (isOurs?: () => boolean) =>
  createBaseLook({ base, nowMs: () => now, goneAfterMs: 10_000, looksMin: 5, ...(isOurs ? { isOurs } : {}) });

/** A look every 2 s, so many of them. */
const looks = (look: ReturnType<typeof looker>, count: number): string[] =>
  Array.from({ length: count }, () => {
    now += 2000;
    return look.look();
  });

describe('a base directory', () => {
  it('that is there is there, however long', () => {
    expect(new Set(looks(looker(), 20))).toEqual(new Set(['there']));
  });

  it('that is removed is gone after several looks over ten seconds, and stays gone', () => {
    const look = looker();
    rmSync(base, { recursive: true });
    expect(looks(look, 6)).toEqual(['missing', 'missing', 'missing', 'missing', 'missing', 'gone']);
    mkdirSync(base);
    expect(looks(look, 1)).toEqual(['gone']);
  });

  it('that comes back in between, as a mount does, was never gone', () => {
    const look = looker();
    for (let round = 0; round < 3; round += 1) {
      renameSync(base, `${base}.away`);
      expect(looks(look, 5)).not.toContain('gone');
      renameSync(`${base}.away`, base);
      expect(looks(look, 1)).toEqual(['there']);
    }
  });

  it('that another one took the place of is gone, and it is said that there is another one', () => {
    const look = looker();
    renameSync(base, `${base}.old`);
    mkdirSync(base);
    expect(looks(look, 6).at(-1)).toBe('gone');
    expect(look.why()).toContain('another directory');
  });

  it('with our own mark in it is ours, whatever its number is now', () => {
    const look = looker(() => true);
    renameSync(base, `${base}.old`);
    mkdirSync(base);
    expect(new Set(looks(look, 8))).toEqual(new Set(['there']));
  });

  it('behind a disk that gives errors is neither there nor gone, however long', () => {
    const look = looker();
    rmSync(base, { recursive: true });
    // A link to itself: an error of the file system that is not "there is no such thing".
    symlinkSync('n1', base);
    expect(new Set(looks(look, 20))).toEqual(new Set(['unreadable']));
    expect(look.why()).toContain('ELOOP');
  });

  it('is not given up by a process that was frozen and has one look after an hour', () => {
    const look = looker();
    rmSync(base, { recursive: true });
    look.look();
    now += 3_600_000;
    expect(look.look()).toBe('missing');
  });

  it('that could not be seen at first is the first one that is seen', () => {
    rmSync(base, { recursive: true });
    symlinkSync('n1', base);
    const look = looker();
    rmSync(base);
    mkdirSync(base);
    writeFileSync(join(base, 'config.yaml'), '');
    expect(looks(look, 1)).toEqual(['there']);
  });
});
