import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeRelease } from '../../test/support/releases.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { committedHere } from '../release/committed.ts';
import { verifyRelease } from '../release/store.ts';
import { removeTree } from '../release/tree.ts';
import { markDamaged, readDamage } from '../trial/damage-file.ts';
import { damageOf, whyDamaged } from './damage-view.ts';
import { lookAtReleases, readLastLook } from './look.ts';

let base: string;
let good: string;
let other: string;
beforeEach(async () => {
  base = tempDir('look');
  for (const name of ['run', 'data', 'releases']) mkdirSync(join(base, name));
  good = await storeRelease(base, join(base, 'build-1'), { 'x.txt': '1' });
  other = await storeRelease(base, join(base, 'build-2'), { 'x.txt': '2' });
  symlinkSync(`releases/${good}`, join(base, 'dist'));
});
afterEach(() => removeDir(base));

const look = () => lookAtReleases({ base, nodeId: 'n1', clock: systemClock, verifyRelease });
function write(hash: string, text: string): void {
  const path = join(base, 'releases', hash, 'x.txt');
  chmodSync(path, 0o644);
  writeFileSync(path, text);
  chmodSync(path, 0o644);
}

describe('a look at the known-good release', () => {
  it('that is whole is noted, and what an older build committed is on the list from then on', async () => {
    expect(await look()).toMatchObject({ ok: true, whole: true, release: good, damaged: [] });
    expect(readLastLook(base)).toMatchObject({ release: good });
    expect(committedHere(base)).toEqual([good]);
    expect(whyDamaged(base, good, null)).toBe('');
  });

  it('that is not marks it and names the file; whole again, the mark goes', async () => {
    write(good, 'rot');
    const seen = await look();
    expect(seen).toMatchObject({ ok: false, whole: false, error: { code: 'verify-failed', detail: { nodeId: 'n1' } } });
    expect(seen.error?.detail.seen).toContain('x.txt');
    expect(damageOf(base, null)).toMatchObject([{ release: good, inUse: true }]);
    expect(whyDamaged(base, good, null)).toContain(`claudecluster node stage ${good} --from NODE`);
    write(good, '1');
    expect(await look()).toMatchObject({ ok: true, damaged: [] });
    expect(readDamage(base)).toEqual([]);
  });

  it('says nothing against a node whose release at rest is damaged, and has it on the list of damage', async () => {
    markDamaged(base, { release: other, why: 'rot', at: 'x' });
    write(other, 'rot');
    expect(await look()).toMatchObject({ ok: true, whole: true, damaged: [{ release: other }] });
    expect(damageOf(base, null)).toMatchObject([{ release: other, inUse: false }]);
    expect(whyDamaged(base, good, null)).toBe('');
    await removeTree(join(base, 'releases', other));
    await look();
    expect(damageOf(base, null)).toEqual([]);
  });

  it('of another release or another boot is none', async () => {
    await look();
    expect(readLastLook(base, 'another boot')).toBeNull();
    rmSync(join(base, 'dist'));
    symlinkSync(`releases/${other}`, join(base, 'dist'));
    expect(readLastLook(base)).toBeNull();
  });

  it('that the disk took no note of counts until a later one is on the disk', async () => {
    const unwritten = { damaged: [{ release: good, why: 'told by the guard', at: 'x' }], atMs: systemClock.nowMs() };
    expect(whyDamaged(base, good, unwritten)).toContain('told by the guard');
    await look();
    expect(whyDamaged(base, good, unwritten)).toBe('');
    expect(readFileSync(join(base, 'data/last-look.json'), 'utf8')).toContain(good);
  });
});
