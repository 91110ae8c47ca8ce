import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkEtcd, checkNode, commandByHand, findProgram, modulesAreCurrent } from './setup.js';

const scripts = fileURLToPath(new URL('..', import.meta.url));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'claudecluster-setup-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A clone without node_modules, in which `apt-get`, `npm` and the programs are what the test puts into bin/. */
function freshClone(programs: Record<string, string> = {}): void {
  mkdirSync(join(dir, 'scripts/lib'), { recursive: true });
  mkdirSync(join(dir, 'bin'));
  for (const file of ['setup.js', 'lib/setup.js']) cpSync(join(scripts, file), join(dir, 'scripts', file));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  writeFileSync(join(dir, 'package-lock.json'), '{"packages":{}}');
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(dir, 'bin', name), 0o755);
  }
}

function runSetup(...args: string[]): { code: number | null; said: string } {
  const env = { ...process.env, PATH: join(dir, 'bin') };
  const ran = spawnSync(process.execPath, [join(dir, 'scripts/setup.js'), ...args], { env, encoding: 'utf8' });
  return { code: ran.status, said: ran.stdout + ran.stderr };
}

const everything = { npm: 'exit 0', git: '', openssl: '', etcd: '', rsync: '', nft: '', ip: '', etcdctl: '' };

describe('setup of a fresh clone', () => {
  it('runs without any package, and explains how it is called', () => {
    freshClone();
    const { code, said } = runSetup('--for', 'nothing');
    expect(said).toContain('test|versions|demo|bench|sim|ci');
    expect(code).toBe(2);
  });

  it('installs the packages once, and says so', () => {
    const node = `node-${process.platform}-${process.arch}`;
    const bin = `"$3/node_modules/${node}/bin"`;
    const npm = `[ "$1" = install ] && /bin/mkdir -p ${bin} && /bin/cp /bin/true ${bin}/node\nexit 0`;
    freshClone({ ...everything, npm });
    expect(runSetup('--for', 'ci')).toMatchObject({
      code: 0,
      said: expect.stringContaining('npm ci (there is no node_modules)'),
    });
    mkdirSync(join(dir, 'node_modules'), { recursive: true });
    writeFileSync(join(dir, 'node_modules/.package-lock.json'), '{"packages":{}}');
    expect(runSetup('--for', 'ci')).toEqual({ code: 0, said: '' });
  });

  it('ends with a clear message when npm ci fails', () => {
    freshClone({ ...everything, npm: 'exit 1' });
    const { code, said } = runSetup('--for', 'ci');
    expect(said).toContain('npm ci');
    expect(said).toContain('failed');
    expect(code).toBe(1);
  });

  it('goes on without the Node that only makes the simulation quicker', () => {
    freshClone({ ...everything, npm: '[ "$1" != install ]' });
    expect(runSetup('--for', 'sim').code).toBe(0);
  });

  it('refuses an etcd that is too old, and names what would do', () => {
    freshClone({ ...everything, etcd: 'echo "etcd Version: 3.3.25"; echo "Git SHA: x"' });
    const { code, said } = runSetup('--for', 'ci');
    expect(said).toContain('etcd 3.3.25 is too old: 3.4 or newer is needed');
    expect(said).toContain('first in PATH');
    expect(code).toBe(1);
    for (const version of ['3.4.23', '3.5.16', '3.10.0-rc.1', '4.0.0']) {
      expect(() => checkEtcd(`etcd Version: ${version}\n`)).not.toThrow();
    }
    for (const words of ['', 'another thing', null]) expect(() => checkEtcd(words)).not.toThrow();
  });

  it('names the one command to run when apt-get cannot', () => {
    const { npm, rsync } = everything;
    freshClone({ npm, rsync, 'apt-get': 'echo "E: no network" >&2; exit 100', env: '/usr/bin/env "$@"' });
    const { code, said } = runSetup('--for', 'demo');
    expect(said).toContain('sudo apt-get update && sudo apt-get install -y --no-install-recommends etcd-server');
    expect(said).not.toContain('    at ');
    expect(code).toBe(1);
  });
});

describe('what setup looks at', () => {
  it('takes Node 20.19 and everything newer', () => {
    for (const version of ['20.19.0', '20.20.2', '22.1.0', '24.0.0']) expect(() => checkNode(version)).not.toThrow();
    for (const version of ['18.20.4', '20.18.9']) expect(() => checkNode(version)).toThrow(/20\.19 or newer/);
  });

  it('sees that a package is missing or has another version, and does not mind the ones for other platforms', () => {
    const lock = {
      packages: {
        '': {},
        'node_modules/a': { version: '1.0.0' },
        'node_modules/b': { version: '2.0.0', optional: true },
      },
    };
    expect(modulesAreCurrent(lock, { packages: { 'node_modules/a': { version: '1.0.0' } } })).toBe(true);
    expect(modulesAreCurrent(lock, { packages: { 'node_modules/a': { version: '1.0.1' } } })).toBe(false);
    expect(modulesAreCurrent(lock, {})).toBe(false);
  });

  it('finds programs on the path that may be executed, and no others', () => {
    writeFileSync(join(dir, 'plain'), '');
    expect(findProgram('plain', dir)).toBeUndefined();
    expect(findProgram('node', dirname(process.execPath))).toBe(process.execPath);
  });

  it('asks for all packages in one command', () => {
    expect(commandByHand(['etcd-server', 'rsync'])).toMatch(/install .* etcd-server rsync$/);
  });
});
