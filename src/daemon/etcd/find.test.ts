import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../test/support/temp.ts';
import { ClusterError } from '../../errors.ts';
import { findProgram, findPrograms, type ProgramPlaces } from './find.ts';

const root = tempDir('find');
let made = 0;

/** A PATH whose last directory has programs of these names, each a shell script. */
function placesWith(programs: Record<string, string>): ProgramPlaces & { bin: string } {
  made += 1;
  const cwd = join(root, String(made));
  const bin = join(cwd, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return { bin, path: `${join(cwd, 'empty')}:${bin}`, cwd };
}

const says = (version: string): string => `echo 'etcd Version: ${version}'; echo 'Git SHA: none'`;

async function problemOf(script: string): Promise<ClusterError> {
  const found = await findProgram({ name: 'etcd' }, placesWith({ etcd: script }));
  if (!(found instanceof ClusterError)) throw new Error(`it was found: ${JSON.stringify(found)}`);
  return found;
}

describe('what a node needs of its host', () => {
  it('finds the etcd and the rsync of this host, with their versions', async () => {
    const found = await findPrograms([{ name: 'etcd' }, { name: 'rsync' }], { path: process.env.PATH, cwd: '/' });
    expect(found.map((one) => one.version)).toEqual([
      expect.stringMatching(/^3\.\d+/),
      expect.stringMatching(/^3\.\d+/),
    ]);
    expect(found.map((one) => one.path)).toEqual([expect.stringMatching(/\/etcd$/), expect.stringMatching(/\/rsync$/)]);
  });

  it('takes 3.4 and whatever came after it', async () => {
    for (const version of ['3.4.0', '3.5.21', '3.6.0-rc.1', '4.0.0', '10.1.0']) {
      const { bin, ...places } = placesWith({ etcd: says(version) });
      expect(await findProgram({ name: 'etcd' }, places)).toEqual({ name: 'etcd', path: join(bin, 'etcd'), version });
    }
  });

  it('says which one is too old, and what is wanted', async () => {
    const error = await problemOf(says('3.3.27'));
    expect(error).toMatchObject({ code: 'operator-needed', message: 'etcd is too old' });
    expect(error.detail).toMatchObject({
      seen: expect.stringMatching(/bin\/etcd is 3\.3\.27$/),
      wanted: 'etcd 3.4 or newer',
      next: expect.stringContaining('apt-get install etcd-server'),
    });
  });

  it('takes a program that does not tell its version: that is no reason to stay down', async () => {
    expect(await findProgram({ name: 'etcd' }, placesWith({ etcd: 'echo hello' }))).toMatchObject({ version: null });
  });

  it('says what a program said that cannot run here', async () => {
    const error = await problemOf(
      'echo "etcd on unsupported platform without ETCD_UNSUPPORTED_ARCH=arm64 set" >&2; exit 1',
    );
    expect(error.detail.seen).toContain('unsupported platform');
  });

  it('looks at the path that the configuration names, relative to the working directory, and nowhere else', async () => {
    const places = placesWith({ etcd: says('3.4.1'), other: says('3.5.1') });
    const found = await findProgram({ name: 'etcd', binary: './bin/other' }, places);
    expect(found).toMatchObject({ path: join(places.bin, 'other'), version: '3.5.1' });
    const missing = await findProgram({ name: 'etcd', binary: '/no/such/etcd' }, places);
    expect(missing).toMatchObject({ detail: { seen: 'no program at /no/such/etcd' } });
  });

  it('does not take a directory or a file that may not be run for a program', async () => {
    const places = placesWith({});
    mkdirSync(join(places.bin, 'etcd'));
    writeFileSync(join(places.bin, 'rsync'), '');
    await expect(findPrograms([{ name: 'etcd' }], places)).rejects.toThrow('etcd is not installed on this host');
    await expect(findPrograms([{ name: 'rsync' }], places)).rejects.toThrow('rsync is not installed on this host');
  });

  it('names everything that is missing in one error, each with how to install it', async () => {
    const error = await findPrograms([{ name: 'etcd' }, { name: 'rsync' }], placesWith({})).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'operator-needed' });
    expect(error.message).toBe('etcd is not installed on this host; rsync is not installed on this host');
    expect(error.detail.next).toMatch(/etcd-server.*apt-get install rsync/s);
    expect(error.detail.seen).toContain('no etcd in PATH');
  });
});
