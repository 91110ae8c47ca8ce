import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fakeWorld, newRelease, oldRelease, run } from '../testing/fakes.ts';

const base = mkdtempSync(join(tmpdir(), 'claudecluster-verbs-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
mkdirSync(join(base, 'releases', oldRelease.buildHash), { recursive: true });
mkdirSync(join(base, 'data'));
symlinkSync(`releases/${oldRelease.buildHash}`, join(base, 'dist'));
const config = join(base, 'config.yaml');
writeFileSync(
  config,
  'nodeId: n1\nlisten: 127.0.0.1:1\netcd: {client: "127.0.0.1:2", peer: "127.0.0.1:3"}\ntls: {ca: a, cert: b, key: c}\n',
);
const verb = (...argv: string[]) => run(['node', ...argv, '--config', config, '--json'], fakeWorld());

describe('node verbs', () => {
  it('status says what is on the disk while the daemon is down', async () => {
    const { code, json } = await verb('status');
    expect(code).toBe(0);
    expect(json()).toEqual([
      expect.objectContaining({ ok: true, nodeId: 'n1', installed: oldRelease.buildHash, trial: null, epoch: 0 }),
    ]);
  });

  it('stage leaves alone what the configuration keeps free of the disk: nothing is fetched', async () => {
    const strict = join(base, 'strict.yaml');
    writeFileSync(strict, `${readFileSync(config, 'utf8')}diskReserveBytes: ${Number.MAX_SAFE_INTEGER}\n`);
    const argv = ['node', 'stage', newRelease.buildHash, '--from', '127.0.0.1:1', '--config', strict, '--json'];
    const { code, json } = await run(argv, fakeWorld());
    const wanted = expect.stringContaining(`${Number.MAX_SAFE_INTEGER} bytes that stay free`);
    expect([code, json()]).toEqual([4, [{ ok: false, error: expect.objectContaining({ code: 'disk', wanted }) }]]);
  });

  it('a refusal is one JSON line with ok false, and exit code 3', async () => {
    const { code, json, err } = await verb('rollback');
    expect(code).toBe(3);
    expect(json()).toEqual([{ ok: false, error: expect.objectContaining({ code: 'refused', nodeId: 'n1' }) }]);
    expect(err()).toBe('');
  });

  it('for a person the reason stands on stderr, too', async () => {
    const { err } = await run(['node', 'rollback', '--config', config], fakeWorld());
    expect(err()).toContain('error: n1 is not on trial');
  });

  it('rehearse names every check, and ends with 3 where the way back would not work', async () => {
    const { code, json, err } = await verb('rehearse', newRelease.buildHash);
    const [answer] = json() as [{ checks: { name: string; ok: boolean }[] }];
    expect([code, err()]).toEqual([3, '']);
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'refused', nodeId: 'n1' },
      release: newRelease.buildHash,
    });
    expect(answer.checks.filter((one) => !one.ok).map((one) => one.name)).toEqual([
      'known-good',
      'guard',
      'service-manager',
    ]);
  });

  it('rehearse and activate take the beginning of a hash of a release on this disk', async () => {
    const { json } = await verb('rehearse', oldRelease.buildHash.slice(0, 8));
    expect(json()).toEqual([expect.objectContaining({ release: oldRelease.buildHash })]);
    for (const name of ['rehearse', 'activate', 'stage']) {
      const more = { rehearse: [], activate: ['--update', 'u-1', '--epoch', '3'], stage: ['--from', 'n2'] }[name] ?? [];
      const short = await verb(name, oldRelease.buildHash.slice(0, 7), ...more);
      expect([short.code, short.json()]).toEqual([
        2,
        [{ ok: false, error: expect.objectContaining({ code: 'usage' }) }],
      ]);
    }
    const unknown = await verb('activate', 'ffffffff', '--update', 'u-1', '--epoch', '3');
    expect(unknown.json()).toEqual([{ ok: false, error: expect.objectContaining({ code: 'not-found' }) }]);
  });

  it('activate without the release on this disk changes nothing', async () => {
    const { code, json } = await verb(
      'activate',
      newRelease.buildHash,
      '--update',
      'u-1',
      '--epoch',
      '3',
      '--trial',
      '2m',
    );
    expect(code).toBe(2);
    expect(json()).toEqual([{ ok: false, error: expect.objectContaining({ code: 'not-found' }) }]);
  });

  it.each([
    [['activate', 'nonsense', '--update', 'u-1', '--epoch', '3']],
    [['activate', newRelease.buildHash, '--update', 'u-1', '--epoch', 'x']],
    [['activate', newRelease.buildHash, '--update', 'u-1', '--epoch', '1', '--trial', '120']],
    [['commit', '--update', '../x', '--epoch', '3']],
    [['commit', '--update', 'u-1']],
  ])('%j is a usage error', async (argv) => {
    expect((await verb(...argv)).code).toBe(2);
  });
});
