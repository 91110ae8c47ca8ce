import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pullArgv } from '../../src/adapters/rsync/argv.ts';
import { rsync } from '../../src/adapters/rsync/index.ts';
import { startRsync } from '../../src/adapters/rsync/process.ts';
import { hashRelease } from '../../src/release/hash.ts';
import { importDirectory, stageRelease } from '../../src/release/stage.ts';
import { partialPath, releaseHashes, releasePath, verifyRelease } from '../../src/release/store.ts';
import { finishPush, preparePartial, pullRelease, pushRelease, serveRelease } from '../../src/release/transfer.ts';
import { alive } from '../support/processes.ts';
import {
  awkward,
  makeRelease,
  manyFiles,
  sharedInodes,
  stampTree,
  storeRelease,
  writeFiles,
} from '../support/releases.ts';
import { removeDir, tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';

let scratch: string;
let front: string;
let source: string;
let target: string;
let runs = 0;

beforeAll(async () => {
  scratch = tempDir('transfer');
  // A directory with a space and a quote: rsync must start the front from there all the same.
  front = join(scratch, "it's here", 'front.cjs');
  await build({
    entryPoints: ['test/support/transfer-rsh.ts'],
    outfile: front,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
  });
});
afterAll(() => removeDir(scratch));

beforeEach(() => {
  runs += 1;
  source = join(scratch, `source ${runs}`);
  target = join(scratch, `target ${runs}`);
  mkdirSync(source);
  mkdirSync(target);
});

const rsh = (base: string, ...words: string[]): string[] => [process.execPath, front, base, ...words];
const stage = (hash: string, ...words: string[]) =>
  stageRelease({ transfer: rsync, base: target, hash, rshCommand: rsh(source, ...words), timeoutMs: 30_000 });

describe('staging from another node', () => {
  it('brings a release over, verified and read-only, and a second time has nothing to do', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), { 'lib/a.txt': 'a' });
    const first = await stage(hash);
    expect(first).toMatchObject({ alreadyThere: false, version: { buildHash: hash } });
    expect(first.bytesTransferred).toBeGreaterThan(0);
    expect(lstatSync(releasePath(target, hash)).mode & 0o777).toBe(0o555);
    expect(existsSync(partialPath(target, hash))).toBe(false);
    expect(await stage(hash)).toMatchObject({ alreadyThere: true, bytesTransferred: 0 });
  });

  it('carries names that are bytes, links inside the tree, empty directories and modes', async () => {
    const dir = join(scratch, `build ${runs}`);
    await makeRelease(dir, awkward);
    mkdirSync(join(dir, 'empty'));
    symlinkSync('../index.js', join(dir, 'dir', 'link'));
    symlinkSync('nothing-here', join(dir, 'dangling'));
    chmodSync(join(dir, 'index.js'), 0o755);
    chmodSync(join(dir, 'guard.js'), 0o600);
    const hash = await stampTree(dir);
    await importDirectory({ transfer: rsync, base: source, dir });
    await stage(hash);
    expect((await verifyRelease(target, hash)).tree.entries).toEqual((await hashRelease(dir)).entries);
  });

  it('moves less than 1 % for one changed file of 2,000, and has every file of the two in an inode of its own', async () => {
    const dir = join(scratch, `build ${runs}`);
    const old = await storeRelease(source, dir, manyFiles(2000, 10_000));
    await stage(old);
    writeFiles(dir, { 'lib/d3/f300.bin': 'changed' });
    const hash = await storeRelease(source, dir);
    const { bytesTransferred } = await stage(hash);
    const size = (await verifyRelease(target, hash)).totalBytes;
    // Of the 20 MB here the list of 2,000 names is the greatest part; in 200 MB it is a tenth of that share.
    expect(bytesTransferred / size).toBeLessThan(0.01);
    expect(sharedInodes(releasePath(target, hash), releasePath(target, old))).toEqual([]);
    await verifyRelease(target, old);
  });

  it('sends only the changed part of a large file', async () => {
    const dir = join(scratch, `build ${runs}`);
    const large = Buffer.concat(Object.values(manyFiles(20, 200_000)).map((part) => Buffer.from(part as Buffer)));
    const old = await storeRelease(source, dir, { 'large.bin': large });
    await stage(old);
    large.write('another text', 2_000_000);
    const hash = await storeRelease(source, dir, { 'large.bin': large });
    const { bytesTransferred } = await stage(hash);
    expect(bytesTransferred).toBeLessThan(large.length / 20);
  });

  it('says that the source does not have the release', async () => {
    const hash = await makeRelease(join(scratch, `build ${runs}`));
    await expect(stage(hash)).rejects.toMatchObject({ code: 'not-found', detail: { wanted: hash } });
  });

  it('goes on from what arrived when the channel is cut half-way, and leaves no release meanwhile', async () => {
    const files = manyFiles(60, 50_000);
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), files);
    await expect(stage(hash, '--cut', '1500000')).rejects.toMatchObject({ code: 'transfer-failed' });
    expect(existsSync(releasePath(target, hash))).toBe(false);
    expect(existsSync(partialPath(target, hash))).toBe(true);
    const { bytesTransferred } = await stage(hash);
    expect(bytesTransferred).toBeLessThan(2_000_000);
    await verifyRelease(target, hash);
  });

  it('does not share files with another release while it is a partial, and does not reach into it when it resumes', async () => {
    const dir = join(scratch, `build ${runs}`);
    const old = await storeRelease(source, dir, { 'shared.txt': 'the same' });
    await stage(old);
    const hash = await storeRelease(source, dir, { 'shared.txt': 'the same', 'new.bin': Buffer.alloc(100_000, 1) });
    await pullRelease({ transfer: rsync, base: target, hash, rshCommand: rsh(source) });
    expect(sharedInodes(partialPath(target, hash), releasePath(target, old))).toEqual([]);
    chmodSync(join(releasePath(source, hash), 'shared.txt'), 0o600); // The source goes bad between the two attempts.
    await expect(stage(hash)).rejects.toMatchObject({ code: 'verify-failed' });
    await verifyRelease(target, old);
  });

  it('catches a source whose tree is not what its name says, removes what arrived, and names the cause', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), { 'lib/a.txt': 'a' });
    writeFileSync(join(releasePath(source, hash), 'lib/a.txt'), 'tampered');
    const failure = await stage(hash).catch((error) => error);
    expect(failure).toMatchObject({ code: 'verify-failed', detail: { wanted: hash } });
    expect(failure.message).toContain('as the source has it');
    expect(existsSync(partialPath(target, hash))).toBe(false);
    expect(existsSync(releasePath(target, hash))).toBe(false);
  });

  it('replaces a staged release that was damaged on the disk', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), { 'lib/a.txt': 'a' });
    await stage(hash);
    truncateSync(join(releasePath(target, hash), 'lib/a.txt'), 0);
    await expect(verifyRelease(target, hash)).rejects.toThrow(/lib\/a\.txt has other content \(0 bytes, wanted 1\)/);
    expect(await stage(hash)).toMatchObject({ alreadyThere: false });
    await verifyRelease(target, hash);
  });

  it('refuses a build whose self-test fails, with its last words', async () => {
    const files = { 'index.js': "console.error('no such thing as libfoo'); process.exit(7);\n" };
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), files);
    await expect(stage(hash)).rejects.toMatchObject({
      code: 'self-test-failed',
      detail: { seen: 'exit code 7: no such thing as libfoo' },
    });
    expect(existsSync(releasePath(target, hash))).toBe(false);
  });

  it('refuses a build that changes itself when it is run', async () => {
    const files = { 'index.js': "require('fs').writeFileSync(__dirname + '/lib/cache', 'x');\n", 'lib/a': '' };
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), files);
    await expect(stage(hash)).rejects.toMatchObject({ code: 'verify-failed' });
    expect(existsSync(releasePath(target, hash))).toBe(false);
  });

  it('ends when it is called off, and keeps what arrived', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), manyFiles(10, 10_000));
    const gone = new AbortController();
    const pidFile = join(scratch, `pid ${runs}`);
    const waiting = stageRelease({
      transfer: rsync,
      base: target,
      hash,
      rshCommand: rsh(source, '--pid', pidFile, '--stall', '0'),
      signal: gone.signal,
    });
    await waitFor('the front to start', () => existsSync(pidFile), { timeoutMs: 20_000 });
    gone.abort();
    await expect(waiting).rejects.toMatchObject({
      code: 'transfer-failed',
      message: expect.stringContaining('called off'),
    });
    expect(existsSync(partialPath(target, hash))).toBe(true);
    await waitFor('the front to end', () => !alive(Number(readFileSync(pidFile, 'utf8'))), { timeoutMs: 10_000 });
  });

  it('serves two stagings of the same release one after the other', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), manyFiles(50, 10_000));
    const both = await Promise.all([stage(hash), stage(hash)]);
    expect(both.map((result) => result.alreadyThere).sort()).toEqual([false, true]);
  });
});

/** A disk of 2 MB at the path, where this process may make one. */
function smallDisk(at: string): boolean {
  mkdirSync(at, { recursive: true });
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', at]).status === 0;
}

describe('a disk that becomes full', () => {
  it('is named as the cause, and what had arrived makes room again', async ({ skip }) => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), manyFiles(40, 100_000));
    if (!smallDisk(target)) return skip('no file system may be mounted here');
    try {
      await expect(stage(hash)).rejects.toMatchObject({
        code: 'disk',
        detail: { next: expect.stringContaining('make room') },
      });
      expect(readdirSync(join(target, 'releases'))).toEqual([]);
      await expect(
        importDirectory({ transfer: rsync, base: target, dir: releasePath(source, hash) }),
      ).rejects.toMatchObject({ code: 'disk' });
      expect(readdirSync(join(target, 'releases'))).toEqual([]);
      const dir = join(scratch, `build ${runs}`);
      await expect(pushRelease({ transfer: rsync, dir, hash, rshCommand: rsh(target) })).rejects.toMatchObject({
        code: 'disk',
      });
      expect(readdirSync(join(target, 'releases'))).toEqual([]);
    } finally {
      spawnSync('umount', ['-l', target]);
    }
  });
});

describe('the reserve of a disk', () => {
  it('is not touched: nothing is staged, and no build is taken in, however small', async () => {
    const dir = join(scratch, `build ${runs}`);
    const hash = await storeRelease(source, dir);
    const reserveBytes = Number.MAX_SAFE_INTEGER;
    const refused = {
      code: 'disk',
      detail: { wanted: expect.stringContaining('stay free'), next: expect.stringContaining('make room') },
    };
    const staging = stageRelease({ transfer: rsync, base: target, hash, rshCommand: rsh(source), reserveBytes });
    await expect(staging).rejects.toMatchObject(refused);
    await expect(importDirectory({ transfer: rsync, base: target, dir, reserveBytes })).rejects.toMatchObject(refused);
    expect(existsSync(partialPath(target, hash))).toBe(false);
  });

  it('is kept while a release comes in: the transfer ends before the disk is full, and makes room again', async ({
    skip,
  }) => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), manyFiles(10, 100_000));
    if (!smallDisk(target)) return skip('no file system may be mounted here');
    try {
      const channel = { rshCommand: rsh(source, '--stall', '600000'), timeoutMs: 30_000 };
      const staging = stageRelease({ transfer: rsync, base: target, hash, ...channel, reserveBytes: 1_700_000 });
      await expect(staging).rejects.toMatchObject({
        code: 'disk',
        detail: { wanted: expect.stringContaining('1700000') },
      });
      expect(readdirSync(join(target, 'releases'))).toEqual([]);
    } finally {
      spawnSync('umount', ['-l', target]);
    }
  });
});

describe('a node that is killed while a release comes in', () => {
  it('has whole releases and nothing else under a release name, whenever that was, and ends up with it', async () => {
    const dir = join(scratch, `build ${runs}`);
    const first = await makeRelease(dir, manyFiles(120, 5_000));
    await importDirectory({ transfer: rsync, base: target, dir });
    writeFiles(dir, { 'lib/d0/f7.bin': 'changed' });
    const hash = await stampTree(dir);
    const importer = join(scratch, 'importer.cjs');
    await build({
      stdin: {
        contents:
          "import { rsync } from './src/adapters/rsync/index.ts';\nimport { importDirectory } from './src/release/stage.ts';\nimportDirectory({ transfer: rsync, base: process.argv[2], dir: process.argv[3] });",
        resolveDir: process.cwd(),
      },
      outfile: importer,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
    });
    for (let delayMs = 60; ; delayMs += 50) {
      const child = spawn(process.execPath, [importer, target, dir], { stdio: 'ignore', detached: true });
      const ended = new Promise<number | null>((done) => child.once('close', done));
      const timer = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), delayMs);
      const code = await ended;
      clearTimeout(timer);
      for (const name of await releaseHashes(target)) await verifyRelease(target, name);
      await verifyRelease(target, first);
      if (code === 0) break;
    }
    await verifyRelease(target, hash);
    expect(readdirSync(join(target, 'releases')).sort()).toEqual([first, hash].sort());
  });
});

describe('pushing a build', () => {
  it('arrives as a verified release, and a second time moves next to nothing', async () => {
    const dir = join(scratch, `build ${runs}`);
    const hash = await makeRelease(dir, { ...awkward, ...manyFiles(20, 10_000) });
    const first = await pushRelease({ transfer: rsync, dir, hash, rshCommand: rsh(target) });
    expect(first.bytesTransferred).toBeGreaterThan(200_000);
    await verifyRelease(target, hash);
    writeFiles(dir, { 'note.txt': 'another build' });
    const next = await stampTree(dir);
    const second = await pushRelease({ transfer: rsync, dir, hash: next, rshCommand: rsh(target) });
    expect(second.bytesTransferred).toBeLessThan(20_000);
    expect(sharedInodes(releasePath(target, next), releasePath(target, hash))).toEqual([]);
    await verifyRelease(target, hash);
  });

  it.each([
    ['while it comes', 60, 400_000],
    ['that came at once', 2, 30_000],
  ])(
    'is refused when it is larger than the node takes: %s; nothing of it stays, and a later one may be as large as that',
    async (_, count, bytes) => {
      const dir = join(scratch, `build ${runs}`);
      const hash = await makeRelease(dir, manyFiles(count, bytes));
      const push = (...words: string[]) =>
        pushRelease({ transfer: rsync, dir, hash, rshCommand: rsh(target, ...words) });
      await expect(push('--push-max', '50000')).rejects.toMatchObject({
        code: 'refused',
        detail: {
          seen: expect.stringMatching(/^\d+ bytes so far$/),
          wanted: expect.stringContaining('at most 50000 bytes'),
          next: expect.stringContaining('pushBytesMax'),
        },
      });
      expect(readdirSync(join(target, 'releases'))).toEqual([]);
      await push('--push-max', '100000000');
      await verifyRelease(target, hash);
    },
  );

  it('is refused by a disk that has no more than its reserve', async () => {
    const dir = join(scratch, `build ${runs}`);
    const hash = await makeRelease(dir);
    const rshCommand = rsh(target, '--reserve', String(Number.MAX_SAFE_INTEGER));
    await expect(pushRelease({ transfer: rsync, dir, hash, rshCommand })).rejects.toMatchObject({ code: 'disk' });
  });

  it('tells the sender, in the code and words of the receiver, that the tree is not what its stamp says', async () => {
    const dir = join(scratch, `build ${runs}`);
    const hash = await makeRelease(dir);
    writeFiles(dir, { 'late.txt': 'added after the stamp' });
    await expect(pushRelease({ transfer: rsync, dir, hash, rshCommand: rsh(target) })).rejects.toMatchObject({
      code: 'verify-failed',
      detail: { wanted: hash },
    });
    expect(existsSync(partialPath(target, hash))).toBe(false);
    expect(existsSync(releasePath(target, hash))).toBe(false);
  });
});

describe('the serving end', () => {
  const request = (hash: string, capabilities = 'iLsfxCIvu') => ({
    transfer: rsync,
    direction: 'pull' as const,
    base: source,
    hash,
    capabilities,
    input: new PassThrough(),
    output: new PassThrough(),
  });

  it.each(['../../etc', '', '/etc', 'A'.repeat(64), `${'a'.repeat(64)}/..`])(
    'refuses %j, which is no release',
    async (hash) => {
      expect(await serveRelease(request(hash))).toMatchObject({
        exitCode: 3,
        stderr: expect.stringContaining('"usage"'),
      });
    },
  );

  it.each(['i --rsync-path=x', 'i/../..', 'i\n', '.', 'i;ls'])('refuses the capabilities %j', async (capabilities) => {
    const hash = await storeRelease(source, join(scratch, `build ${runs} ${capabilities.length}`));
    const served = await serveRelease(request(hash, capabilities));
    expect(served).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('capabilities') });
    removeDir(releasePath(source, hash));
  });

  it('does not serve a partial, nor a link in the place of a release', async () => {
    mkdirSync(join(source, 'releases', `${'b'.repeat(64)}.partial`), { recursive: true });
    symlinkSync('/etc', releasePath(source, 'c'.repeat(64)));
    for (const letter of ['b', 'c']) {
      expect(await serveRelease(request(letter.repeat(64)))).toMatchObject({
        stderr: expect.stringContaining('not-found'),
      });
    }
  });

  it('ends its rsync when the caller goes away', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`));
    const gone = new AbortController();
    const serving = serveRelease({ ...request(hash), signal: gone.signal });
    gone.abort();
    expect((await serving).exitCode).not.toBe(0);
  });

  it('ends its rsync also when nobody reads any more', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`));
    const gone = new AbortController();
    const output = new Writable({ highWaterMark: 1, write: () => {} });
    const serving = serveRelease({ ...request(hash), output, signal: gone.signal });
    await waitFor('the first bytes', () => output.writableLength > 0, { timeoutMs: 20_000 });
    gone.abort();
    expect((await serving).exitCode).not.toBe(0);
  });

  it('ends its rsync when the stream breaks off', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`));
    const broken = request(hash);
    const serving = serveRelease(broken);
    broken.input.destroy(new Error('connection reset'));
    expect((await serving).exitCode).not.toBe(0);
  });

  it('keeps a push apart from the releases until it was verified', async () => {
    const hash = await makeRelease(join(scratch, `build ${runs}`));
    await expect(finishPush(target, hash)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the front', () => {
  it('refuses arguments that are not of rsync for one release', async () => {
    const child = spawn(process.execPath, [
      front,
      source,
      'release',
      'rsync',
      '--server',
      '--sender',
      '-lprce.i',
      '.',
      '/etc/',
    ]);
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const code = await new Promise((done) => child.once('close', done));
    expect(code).toBe(4);
    expect(JSON.parse(said)).toMatchObject({ code: 'usage' });
  });

  it('ends by itself when its rsync is killed in the middle', async () => {
    const hash = await storeRelease(source, join(scratch, `build ${runs}`), manyFiles(60, 50_000));
    const { into, have } = await preparePartial(target, hash);
    const pidFile = join(scratch, `pid ${runs}`);
    const rshCommand = rsh(source, '--pid', pidFile, '--stall', '1500000');
    const rsync = startRsync(pullArgv({ rshCommand, hash, into, have }), target);
    await waitFor(
      'half of it to arrive',
      () => existsSync(join(into, 'lib/d0')) && readdirSync(join(into, 'lib/d0')).length > 5,
      {
        timeoutMs: 20_000,
      },
    );
    rsync.kill('SIGKILL');
    await waitFor('the front to end', () => !alive(Number(readFileSync(pidFile, 'utf8'))), { timeoutMs: 10_000 });
    await stage(hash);
    expect(
      readdirSync(releasePath(target, hash), { recursive: true }).filter((name) => String(name).includes('.bin.')),
    ).toEqual([]);
  });
});
