/** The guard reads synchronously, everything else does not: two ways of reading, one hash. */
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { awkward, manyFiles, writeFiles } from '../../test/support/releases.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { below } from './tree.ts';
import { hashTree, hashTreeSync } from './tree-hash.js';

let root: string;
let made = 0;
beforeEach(() => {
  root = tempDir('hash-sync');
});
afterEach(() => removeDir(root));

function fresh(): string {
  made += 1;
  const dir = join(root, `tree ${made}`);
  mkdirSync(dir);
  return dir;
}

const name = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x41 : byte))).toString('latin1'))
  .filter((text) => text !== '.' && text !== '..');
const entry = fc.record({
  dir: fc.option(name, { nil: null }),
  name,
  content: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  mode: fc.constantFrom(0o644, 0o755, 0o600, 0o444),
});
const link = fc.record({ name, target: fc.constantFrom('x', 'd/../x', '../x', '/etc/passwd', 'l') });

/** What a reading comes to: the whole answer, or the whole refusal. */
async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (thrown) {
    const { message, code, detail } = thrown as Error & { code?: string; detail?: unknown };
    return { message, code, detail };
  }
}

describe('the synchronous hash of a tree', { timeout: 30_000 }, () => {
  it('is the other one, entry by entry, for whatever tree there is; and refuses with the same words', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), fc.array(link, { maxLength: 3 }), async (files, links) => {
        const dir = fresh();
        for (const { dir: parent, name: last, content, mode } of files) {
          const path = parent === null ? `f${last}` : `d${parent}/${last}`;
          writeFiles(dir, { [path]: content });
          chmodSync(below(dir, Buffer.from(path, 'latin1')), mode);
        }
        const targets = new Map(links.map((one) => [`l${one.name}`, one.target]));
        for (const [at, target] of targets) symlinkSync(target, below(dir, Buffer.from(at, 'latin1')));
        expect(await outcome(() => hashTreeSync(dir))).toEqual(await outcome(() => hashTree(dir)));
      }),
      { numRuns: 80 },
    );
  });

  it('is the other one for names that are bytes, for files of more than one read, and for no directory', async () => {
    const dir = fresh();
    writeFiles(dir, { ...awkward, ...manyFiles(3, 700_000) });
    expect(hashTreeSync(dir)).toEqual(await hashTree(dir));
    expect(hashTreeSync(dir).totalBytes).toBeGreaterThan(2_000_000);
    for (const none of [join(root, 'nothing'), join(dir, '-rf')]) {
      expect(await outcome(() => hashTreeSync(none))).toEqual(await outcome(() => hashTree(none)));
    }
  });
});
