import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { committedFile, committedHere, forgetCommitted, noteCommitted } from './committed.ts';

const [a, b, c] = ['a', 'b', 'c'].map((one) => one.repeat(64)) as [string, string, string];
let base: string;
beforeEach(() => {
  base = tempDir('committed');
});
afterEach(() => removeDir(base));

describe('the list of what was committed here', () => {
  it('has the last commit first, each release once', () => {
    for (const hash of [a, b, c, b]) noteCommitted(base, hash, 'x');
    expect(committedHere(base)).toEqual([b, c, a]);
  });

  it('is left as it is when nothing is new', () => {
    noteCommitted(base, a, 'first');
    const before = readFileSync(join(base, committedFile), 'utf8');
    noteCommitted(base, a, 'second');
    forgetCommitted(base, b);
    expect(readFileSync(join(base, committedFile), 'utf8')).toBe(before);
  });

  it('forgets what fell back on probation', () => {
    for (const hash of [a, b]) noteCommitted(base, hash, 'x');
    forgetCommitted(base, b);
    expect(committedHere(base)).toEqual([a]);
  });

  it.each(['', '{', 'null', '{"releases":7}', '{"releases":[null,{"hash":"../x"}]}'])('%j is none', (text) => {
    mkdirSync(join(base, 'data'));
    writeFileSync(join(base, committedFile), text);
    expect(committedHere(base)).toEqual([]);
  });
});
