import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { awkward, writeFiles } from '../../test/support/releases.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { checkBuildHash, isBuildHash } from '../base/build-hash.ts';
import { compareTrees, hashRelease, printable } from './hash.ts';
import { below } from './tree.ts';

let root: string;
beforeEach(() => {
  root = tempDir('hash');
});
afterEach(() => removeDir(root));

let made = 0;
/** A fresh directory below the test's own. */
function fresh(): string {
  made += 1;
  const dir = join(root, `tree ${made}`);
  mkdirSync(dir);
  return dir;
}

const hashOf = async (dir: string): Promise<string> => (await hashRelease(dir)).hash;

/** One component of a path: any bytes but the slash and NUL; neither `.` nor `..`. */
const component = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x41 : byte))).toString('latin1'))
  .filter((name) => name !== '.' && name !== '..');

interface File {
  content: Buffer;
  mode: number;
}
/** Files in directories of their own, so that no name can be both a file and a directory. */
const tree: fc.Arbitrary<Map<string, File>> = fc
  .array(
    fc.record({
      dir: fc.option(component, { nil: null }),
      name: component,
      content: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      mode: fc.constantFrom(0o644, 0o755, 0o600, 0o444),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map(
    (files) =>
      new Map(
        files.map(({ dir, name, content, mode }) => [dir === null ? `f${name}` : `d${dir}/${name}`, { content, mode }]),
      ),
  );

function plant(files: Iterable<[string, File]>): string {
  const dir = fresh();
  for (const [name, { content, mode }] of files) {
    writeFiles(dir, { [name]: content });
    chmodSync(below(dir, Buffer.from(name, 'latin1')), mode);
  }
  return dir;
}

const properties = { numRuns: 60 };
const pick = (files: Map<string, File>, at: number): [string, File] => {
  const all = [...files];
  return all[at % all.length] as [string, File];
};

describe('the hash of a tree', { timeout: 30_000 }, () => {
  it('is the same for the same tree, wherever it is and in whatever order it was written', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const one = plant(files);
        const other = plant([...files].reverse());
        expect(await hashOf(other)).toBe(await hashOf(one));
      }),
      properties,
    );
  });

  it('changes with the content of any file', async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }), async (files, at, more) => {
        const [name, file] = pick(files, at);
        const before = await hashOf(plant(files));
        const changed = new Map(files).set(name, { ...file, content: Buffer.concat([file.content, more]) });
        expect(await hashOf(plant(changed))).not.toBe(before);
      }),
      properties,
    );
  });

  it('changes with the mode of any file', async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.nat(), fc.nat({ max: 0o777 }), async (files, at, bit) => {
        const [name, file] = pick(files, at);
        const mode = (bit | 0o400) === file.mode ? file.mode ^ 0o001 : bit | 0o400;
        expect(await hashOf(plant(new Map(files).set(name, { ...file, mode })))).not.toBe(await hashOf(plant(files)));
      }),
      properties,
    );
  });

  it('changes when a file is added, removed or renamed', async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.nat(), component, async (files, at, extra) => {
        const [name, file] = pick(files, at);
        const before = await hashOf(plant(files));
        const other = `x${extra}`;
        expect(await hashOf(plant(new Map(files).set(other, file)))).not.toBe(before);
        const without = new Map(files);
        without.delete(name);
        expect(await hashOf(plant(without))).not.toBe(before);
        expect(await hashOf(plant(without.set(other, file)))).not.toBe(before);
      }),
      properties,
    );
  });

  it('tells apart trees whose bytes would run together without lengths', async () => {
    const trees = [{ a: 'bc' }, { ab: 'c' }, { a: 'b', c: '' }, { 'a/b': 'c' }, { abc: '' }];
    const hashes = await Promise.all(
      trees.map((files) => {
        const dir = fresh();
        writeFiles(dir, files as Record<string, string>);
        return hashOf(dir);
      }),
    );
    expect(new Set(hashes).size).toBe(trees.length);
  });

  it('counts empty directories and the targets of links, and no directory modes, owners or times', async () => {
    const dir = fresh();
    writeFiles(dir, { 'a/b': 'c' });
    const plain = await hashOf(dir);
    chmodSync(join(dir, 'a'), 0o700);
    execFileSync('touch', ['-d', '2001-01-01', join(dir, 'a/b')]);
    expect(await hashOf(dir)).toBe(plain);
    mkdirSync(join(dir, 'empty'));
    const withEmpty = await hashOf(dir);
    expect(withEmpty).not.toBe(plain);
    symlinkSync('a/b', join(dir, 'link'));
    const withLink = await hashOf(dir);
    expect(withLink).not.toBe(withEmpty);
    rmSync(join(dir, 'link'));
    symlinkSync('./a/b', join(dir, 'link'));
    expect(await hashOf(dir)).not.toBe(withLink);
  });

  it("leaves out the root's version.json, and only that one", async () => {
    const dir = fresh();
    writeFiles(dir, { 'a/b': 'c' });
    const plain = await hashOf(dir);
    writeFiles(dir, { 'version.json': '{}' });
    expect(await hashOf(dir)).toBe(plain);
    writeFiles(dir, { 'a/version.json': '{}' });
    expect(await hashOf(dir)).not.toBe(plain);
  });

  it('reads names that are bytes', async () => {
    const dir = fresh();
    writeFiles(dir, awkward);
    const { entries, hash } = await hashRelease(dir);
    expect(
      entries
        .filter(({ kind }) => kind === 'file')
        .map(({ path }) => path.toString('latin1'))
        .sort(),
    ).toEqual(Object.keys(awkward).sort());
    renameSync(
      below(dir, Buffer.from('\xff\xfe bytes', 'latin1')),
      below(dir, Buffer.from('\xff\xfd bytes', 'latin1')),
    );
    expect(await hashOf(dir)).not.toBe(hash);
  });

  it('reports every file with its size and digest, and the sum', async () => {
    const dir = fresh();
    writeFiles(dir, { 'a.txt': 'abc', 'b/c.txt': 'de' });
    const { entries, totalBytes } = await hashRelease(dir);
    expect(totalBytes).toBe(5);
    expect(entries.map((entry) => [entry.path.toString(), entry.kind, entry.mode, entry.size])).toEqual([
      ['a.txt', 'file', 0o644, 3],
      ['b', 'dir', 0, 0],
      ['b/c.txt', 'file', 0o644, 2],
    ]);
    expect(entries[0]?.content).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('what a release must not hold', () => {
  const refused = async (dir: string, name: string, what: RegExp): Promise<void> => {
    const failure = await hashRelease(dir).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'release-invalid', message: expect.stringContaining(name) });
    expect(String(failure)).toMatch(what);
  };

  it.each([
    ['/etc/passwd', 'an absolute link'],
    ['../../outside', 'a link up and out'],
    ['inner/../../../outside', 'through a directory'],
    ['..', 'the parent of the root'],
    ['up/../outside', 'through a link to the root, harmless to the eye'],
  ])('a link to %s (%s)', async (target) => {
    const dir = fresh();
    mkdirSync(join(dir, 'sub/inner'), { recursive: true });
    symlinkSync('..', join(dir, 'sub/up'));
    const name = target === '..' ? 'top' : 'sub/bad';
    symlinkSync(target, join(dir, name));
    await refused(dir, name, /leaves the release/);
  });

  it('a fifo, a socket and a device', async () => {
    const dir = fresh();
    execFileSync('mkfifo', [join(dir, 'my fifo')]);
    await refused(dir, 'my fifo', /fifo/);
    const other = fresh();
    const server = createServer();
    await new Promise<void>((done) => server.listen(join(other, 'sock'), done));
    await refused(other, 'sock', /socket/);
    await new Promise((done) => server.close(done));
    if (process.getuid?.() !== 0) return;
    const third = fresh();
    execFileSync('mknod', [join(third, 'null'), 'c', '1', '3']);
    await refused(third, 'null', /device/);
  });

  it.each([
    [0o4755, /set-uid/],
    [0o2755, /set-gid/],
  ])('a file of mode %o', async (mode, what) => {
    const dir = fresh();
    writeFiles(dir, { 'bin/tool': '' });
    chmodSync(join(dir, 'bin/tool'), mode);
    await refused(dir, 'bin/tool', what);
  });

  it('a version.json that is no file', async () => {
    const dir = fresh();
    writeFiles(dir, { other: '{}' });
    symlinkSync('other', join(dir, 'version.json'));
    await refused(dir, 'version.json', /not a file/);
  });

  it('keeps links that stay inside, dangling and circular ones too', async () => {
    const dir = fresh();
    mkdirSync(join(dir, 'a/b'), { recursive: true });
    const links = {
      'a/b/up': '../..',
      'a/self': 'self',
      dangling: 'nowhere/x',
      'a/one': 'two',
      'a/two': 'one',
      dot: '.',
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(dir, name));
    expect((await hashRelease(dir)).entries.filter(({ kind }) => kind === 'link')).toHaveLength(6);
  });

  it('a directory that is none', async () => {
    const dir = fresh();
    writeFileSync(join(dir, 'file'), '');
    await expect(hashRelease(join(dir, 'file'))).rejects.toMatchObject({ code: 'release-invalid' });
    await expect(hashRelease(join(dir, 'missing'))).rejects.toMatchObject({ code: 'release-invalid' });
  });
});

describe('names and differences', () => {
  it('takes 64 lower-case hex digits for a hash, and nothing else', () => {
    expect(isBuildHash('a'.repeat(64))).toBe(true);
    for (const bad of ['A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(64)}\n`, '../x', '', 7, null])
      expect(isBuildHash(bad)).toBe(false);
    expect(() => checkBuildHash('dist')).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('prints names so that no terminal is harmed', () => {
    expect(printable(Buffer.from('Ďábel'))).toBe('Ďábel');
    expect(printable(Buffer.from('a\n\u001b[2J'))).toBe('a\\x0a\\x1b[2J');
    expect(printable(Buffer.from([0x66, 0xff]))).toBe('f\\xff');
  });

  it('says which entry differs and how', async () => {
    const one = fresh();
    const other = fresh();
    writeFiles(one, { same: '1', changed: '1', mode: '', gone: '' });
    writeFiles(other, { same: '1', changed: '22', mode: '', added: '' });
    chmodSync(join(other, 'mode'), 0o755);
    expect(compareTrees((await hashRelease(other)).entries, (await hashRelease(one)).entries)).toEqual([
      'added does not belong there',
      'changed has other content (2 bytes, wanted 1)',
      'mode has mode 755, not 644',
      'gone is missing',
    ]);
  });
});
