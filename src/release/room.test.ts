import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { ClusterError } from '../errors.ts';
import { bytesOfTree, defaultReserveBytes, diskRoom, overBound, shortOfRoom, underWatch } from './room.ts';

const GiB = 1024 ** 3;
let dir: string;
beforeEach(() => {
  dir = tempDir('room');
});
afterEach(() => removeDir(dir));

describe('the reserve', () => {
  it('is what etcd may grow to, and a tenth of a disk for which that is too much', () => {
    expect(defaultReserveBytes(200 * GiB)).toBe(2 * GiB);
    expect(defaultReserveBytes(10 * GiB)).toBe(GiB);
    expect(defaultReserveBytes(0)).toBe(0);
  });

  it('is kept: what does not fit beside it is refused, with what to do', async () => {
    expect(shortOfRoom({ freeBytes: 100, reserveBytes: 60 }, 40)).toBeNull();
    expect(shortOfRoom({ freeBytes: 100, reserveBytes: 60 }, 41)).toMatchObject({
      code: 'disk',
      detail: {
        seen: '100 bytes free',
        wanted: expect.stringContaining('60 bytes'),
        next: expect.stringContaining('make room'),
      },
    });
  });

  it('is what the configuration says, or follows from the disk', async () => {
    expect((await diskRoom(dir, 7)).reserveBytes).toBe(7);
    expect((await diskRoom(dir)).reserveBytes).toBeGreaterThan(0);
    await expect(diskRoom(join(dir, 'nowhere'))).rejects.toMatchObject({ code: 'disk' });
  });
});

describe('the bound of a push', () => {
  it('counts files, and names that hold next to nothing as well', async () => {
    mkdirSync(join(dir, 'sub'));
    writeFileSync(join(dir, 'sub/large'), Buffer.alloc(10_000));
    writeFileSync(join(dir, 'empty'), '');
    symlinkSync('empty', join(dir, 'link'));
    expect(await bytesOfTree(dir)).toBe(4096 + 10_000 + 4096 + 4096);
    expect(await bytesOfTree(join(dir, 'nowhere'))).toBe(0);
  });

  it('says what it saw, what it takes, and what to do', () => {
    expect(overBound(10, 10)).toBeNull();
    expect(overBound(11, 10)).toMatchObject({
      code: 'refused',
      detail: { seen: '11 bytes so far', wanted: expect.stringContaining('10 bytes'), next: expect.any(String) },
    });
  });
});

describe('work under watch', () => {
  const reason = new ClusterError('disk', 'full');
  const untilAborted = (signal: AbortSignal): Promise<string> =>
    new Promise((done) => signal.addEventListener('abort', () => done('ended')));

  it('is ended when the look finds a reason, and fails with that reason though it did not throw', async () => {
    await expect(underWatch(undefined, async () => reason, untilAborted)).rejects.toBe(reason);
  });

  it('is ended when its caller says so, and when it was said before', async () => {
    const caller = new AbortController();
    const working = underWatch(caller.signal, async () => null, untilAborted);
    caller.abort();
    expect(await working).toBe('ended');
    expect(
      await underWatch(
        caller.signal,
        async () => null,
        async (signal) => signal.aborted,
      ),
    ).toBe(true);
  });

  it('goes on when nobody can look, and its own failure is what is thrown', async () => {
    const blind = (): Promise<never> => Promise.reject(new Error('cannot ask'));
    expect(await underWatch(undefined, blind, async () => 'done')).toBe('done');
    const failing = async (): Promise<never> => {
      throw new Error('its own');
    };
    await expect(underWatch(undefined, blind, failing)).rejects.toThrow('its own');
  });
});
