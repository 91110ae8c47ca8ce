import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { ifUnused, withPartial } from './partial-lock.ts';

const disk = vi.hoisted(() => ({ takesChanges: true }));

vi.mock('../base/lock.ts', async (original) => {
  const real = await original<typeof import('../base/lock.ts')>();
  const tryLock: typeof real.tryLock = (...asked) => {
    const lock = real.tryLock(...asked);
    return lock.held ? { held: true, release: () => disk.takesChanges && lock.release() } : lock;
  };
  return { ...real, tryLock };
});

const hash = 'a'.repeat(64);

it.each([
  ['filled', (base: string, work: () => Promise<void>) => withPartial(base, hash, undefined, work)],
  ['tidied', (base: string, work: () => Promise<void>) => ifUnused(base, hash, work)],
])('a release that was %s while the disk took no changes can be filled when it does again', async (_, use) => {
  const base = mkdtempSync(join(tmpdir(), 'partial-lock-'));
  await use(base, async () => {
    disk.takesChanges = false;
  });
  disk.takesChanges = true;
  const filled = withPartial(base, hash, AbortSignal.timeout(3_000), async () => 'filled');
  await expect(filled).resolves.toBe('filled');
});
