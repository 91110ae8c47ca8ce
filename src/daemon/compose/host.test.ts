import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tempDir } from '../../../test/support/temp.ts';
import { nodePaths } from '../../base/paths.ts';
import { endsWithoutEtcd, etcdOfHost } from './host.ts';

const root = tempDir('host');

describe('an etcd that the host lacks', () => {
  beforeEach(() => void vi.stubEnv('CLAUDECLUSTER_SUPERVISOR_PID', undefined));
  afterEach(() => void vi.unstubAllEnvs());

  /** A base with this file in it. */
  function baseWith(name: string, file?: (base: string) => string, text = ''): string {
    const base = join(root, name);
    mkdirSync(base);
    if (file === undefined) return base;
    mkdirSync(dirname(file(base)), { recursive: true });
    writeFileSync(file(base), text);
    return base;
  }

  it('ends a daemon that somebody started by hand', () => {
    expect(endsWithoutEtcd(baseWith('by-hand'))).toBe(true);
  });

  it('does not end one that a supervisor would only start again', () => {
    vi.stubEnv('CLAUDECLUSTER_SUPERVISOR_PID', '7');
    expect(endsWithoutEtcd(baseWith('supervised'))).toBe(false);
  });

  it('costs a build on trial none of its starts, whether the trial can be read or not', () => {
    expect(endsWithoutEtcd(baseWith('trial', (base) => nodePaths(base).trial, 'not JSON'))).toBe(false);
    expect(endsWithoutEtcd(baseWith('probation', (base) => nodePaths(base).probation, 'not JSON'))).toBe(false);
  });

  it('is looked for until it is there, and then no more', async () => {
    const binary = join(root, 'etcd');
    const usable = etcdOfHost({
      etcd: { client: 'a:1', peer: 'a:2', others: [], heartbeatMs: 1, electionMs: 1, binary },
    });
    await expect(usable()).rejects.toMatchObject({ code: 'operator-needed' });
    writeFileSync(binary, '#!/bin/sh\necho x >> "$0.asked"; echo etcd Version: 3.5.0\n', { mode: 0o755 });
    await usable();
    await usable();
    expect(readFileSync(`${binary}.asked`, 'utf8')).toBe('x\n');
  });

  it('is not asked for where the store is a cluster that runs already', async () => {
    await etcdOfHost({ etcd: { endpoints: ['nowhere:1'] } })();
  });
});
