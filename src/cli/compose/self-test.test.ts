import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fakeWorld, newVersion, run } from '../testing/fakes.ts';
import { selfTest } from './self-test.ts';

const dir = mkdtempSync(join(tmpdir(), 'claudecluster-self-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const bundle = join(dir, 'index.js');

describe('self-test', () => {
  it('without a stamp ends with 1 and says what is missing', async () => {
    const { code, err } = await run(['self-test'], fakeWorld(undefined, { bundle: '/nowhere/index.js' }));
    expect(code).toBe(1);
    expect(err()).toContain('version.json is missing');
  });

  it.each([
    ['20.20.2', '>=99'],
    ['20.18.9', '>=20.19'],
    ['24.0.0', '>=20.19 <23'],
    ['21.0.0', '^20.19.0 || >=22'],
    ['20.20.0', 'nonsense'],
  ])('refuses Node %s for a build that needs %s', async (seen, wanted) => {
    writeFileSync(join(dir, 'version.json'), JSON.stringify({ ...newVersion, node: wanted }));
    await expect(selfTest(bundle, seen)).rejects.toMatchObject({
      code: 'self-test-failed',
      detail: { seen, wanted },
    });
  });

  it.each([
    ['20.19.0', '>=20.19'],
    ['24.0.0', '>= 20.19'],
    ['22.1.0', '^20.19.0 || >=22'],
    ['25.0.0-nightly20260217', '>=20.19'],
  ])('takes Node %s for a build that needs %s', async (seen, wanted) => {
    writeFileSync(join(dir, 'version.json'), JSON.stringify({ ...newVersion, node: wanted }));
    await expect(selfTest(bundle, seen)).resolves.toContain(`Node ${seen} in ${wanted}`);
  });

  it('loads everything that a daemon needs', async () => {
    writeFileSync(join(dir, 'version.json'), JSON.stringify(newVersion));
    const { code, json } = await run(['self-test', '--json'], fakeWorld(undefined, { bundle }));
    expect(code).toBe(0);
    expect(json()).toEqual([{ ok: true, worked: expect.arrayContaining(['wire contract', 'gRPC', 'daemon']) }]);
  });

  it('version says which build this is', async () => {
    writeFileSync(join(dir, 'version.json'), JSON.stringify(newVersion));
    const { code, json } = await run(['version', '--json'], fakeWorld(undefined, { bundle }));
    expect(code).toBe(0);
    expect(json()).toEqual([newVersion]);
  });
});
