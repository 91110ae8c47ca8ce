import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fakeWorld, newVersion, run } from '../testing/fakes.ts';
import { satisfies, selfTest } from './self-test.ts';

const dir = mkdtempSync(join(tmpdir(), 'claudecluster-self-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const bundle = join(dir, 'index.js');

describe('the range of Node that a build needs', () => {
  it.each([
    ['20.20.2', '>=20.19', true],
    ['20.18.9', '>=20.19', false],
    ['v24.0.0', '>=20.19', true],
    ['24.0.0', '>=20.19 <23', false],
    ['22.1.0', '^20.19.0 || >=22', true],
    ['21.0.0', '^20.19.0 || >=22', false],
    ['20.19.5', '~20.19.1', true],
    ['20.20.0', '~20.19.1', false],
    ['20.20.0', '20', true],
    ['20.20.0', '20.x', true],
    ['21.0.0', '20.x', false],
    ['20.20.0', '*', true],
    ['20.20.0', '', true],
    ['20.20.0', '>= 20.19', true],
    ['20.20.0', 'nonsense', false],
  ])('%s in %j: %s', (version, range, wanted) => expect(satisfies(version, range)).toBe(wanted));
});

describe('self-test', () => {
  it('without a stamp ends with 1 and says what is missing', async () => {
    const { code, err } = await run(['self-test'], fakeWorld(undefined, { bundle: '/nowhere/index.js' }));
    expect(code).toBe(1);
    expect(err()).toContain('version.json is missing');
  });

  it('refuses a Node that the build does not run on', async () => {
    writeFileSync(join(dir, 'version.json'), JSON.stringify({ ...newVersion, node: '>=99' }));
    await expect(selfTest(bundle, '20.20.2')).rejects.toMatchObject({
      code: 'self-test-failed',
      detail: { seen: '20.20.2', wanted: '>=99' },
    });
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
