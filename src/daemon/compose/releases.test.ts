import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeDir, tempDir } from '../../../test/support/temp.ts';
import { defaultPushBytesMax } from '../../release/room.ts';
import { partialPath } from '../../release/store.ts';
import { composeReleases } from './releases.ts';

const hash = 'a'.repeat(64);
let base: string;
beforeEach(() => {
  base = tempDir('compose-releases');
  mkdirSync(join(base, 'run'));
  mkdirSync(join(base, 'releases'));
});
afterEach(() => removeDir(base));

const bounds = (change: { diskReserveBytes?: number; pushBytesMax?: number }) => ({
  base,
  diskReserveBytes: 0,
  pushBytesMax: defaultPushBytesMax,
  ...change,
});
/** A sender that says nothing more after it was let in. */
const push = (change: Parameters<typeof bounds>[0]) =>
  composeReleases(bounds(change)).serve({
    base,
    hash,
    direction: 'push',
    capabilities: 'LsfxCIvu',
    input: new PassThrough(),
    output: new PassThrough(),
    signal: AbortSignal.timeout(3_000),
  });
function arrived(bytes: number): void {
  mkdirSync(partialPath(base, hash));
  writeFileSync(join(partialPath(base, hash), 'large'), Buffer.alloc(bytes));
}

describe("what a push may do to the node's disk", () => {
  it('ends where the reserve of its configuration begins: nothing is taken in', async () => {
    const { exitCode, stderr } = await push({ diskReserveBytes: Number.MAX_SAFE_INTEGER });
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('"code":"disk"');
    expect(existsSync(partialPath(base, hash))).toBe(false);
  });

  it('is bounded by its configuration while it comes, and what has come is removed', async () => {
    arrived(20_000);
    const { exitCode, stderr } = await push({ pushBytesMax: 10_000 });
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('at most 10000 bytes (pushBytesMax)');
    expect(existsSync(partialPath(base, hash))).toBe(false);
  });

  it('is bounded by it when all of it has come', async () => {
    arrived(20_000);
    await expect(composeReleases(bounds({ pushBytesMax: 10_000 })).finishPush(hash)).rejects.toMatchObject({
      code: 'refused',
      detail: { wanted: 'at most 10000 bytes (pushBytesMax)' },
    });
    expect(existsSync(partialPath(base, hash))).toBe(false);
  });

  it('shows in what the node tells preflight of its room', async () => {
    expect((await composeReleases(bounds({ diskReserveBytes: 7 })).room()).reserveBytes).toBe(7);
  });
});
