import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { keepHolders, readHolders } from './holders-file.ts';

const file = (): string => join(base, 'data/holders.json');
const n2 = { nodeId: 'n2', address: 'h2:1', release: 'a'.repeat(64) };
let base: string;
beforeEach(() => {
  base = tempDir('holders');
});
afterEach(() => removeDir(base));

it('is written when something is new, and left alone otherwise', () => {
  expect(readHolders(base)).toEqual([]);
  keepHolders(base, [n2]);
  const before = statSync(file()).ino;
  keepHolders(base, [n2]);
  expect(statSync(file()).ino).toBe(before);
  keepHolders(base, [{ ...n2, nodeId: 'n3' }]);
  expect(readHolders(base)).toEqual([{ ...n2, nodeId: 'n3' }]);
});

it.each([
  '',
  'garbage',
  '[]',
  '{"nodes":7}',
  '{"nodes":[null,{"nodeId":"n1"},{"nodeId":"n2","address":"h","release":"x"}]}',
])('that cannot be read names nobody: %s', (text) => {
  mkdirSync(join(base, 'data'));
  writeFileSync(file(), text);
  expect(readHolders(base)).toEqual([]);
  expect(readFileSync(file(), 'utf8')).toBe(text);
});
