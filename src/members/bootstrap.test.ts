import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../adapters/system-clock.ts';
import type { Store } from '../ports/store.ts';
import { checkClusterId, confirmMember, prepareEtcdStart } from './bootstrap.ts';
import { type Bootstrap, bootstrapPaths } from './bootstrap-files.ts';
import { planEtcdStart, type StartFacts } from './etcd-start.ts';

const bootstrap: Bootstrap = {
  clusterId: 'c1',
  initialCluster: [{ name: 'n1', peer: 'h1:2380' }],
  kind: 'new',
  nodes: [],
};
const facts = (change: Partial<StartFacts>): StartFacts => ({
  nodeId: 'n1',
  peer: 'h1:2380',
  bootstrap,
  cluster: null,
  hasData: false,
  ...change,
});
const member = { clusterId: 'c1', member: 'n1', state: 'member' } as const;
const founding = { ...member, state: 'founding' } as const;

describe('planning the start of a member', () => {
  it.each([
    ['a fresh node with a bootstrap file founds', facts({}), 'new'],
    ['a founding that was cut off before etcd had a log is done again', facts({ cluster: founding }), 'new'],
    ['data is run as it is', facts({ cluster: member, hasData: true }), 'existing'],
    ['data of a founding that never served is run', facts({ cluster: founding, hasData: true }), 'existing'],
    ['data without a bootstrap file is run', facts({ cluster: member, hasData: true, bootstrap: null }), 'existing'],
    ['an added member joins', facts({ bootstrap: { ...bootstrap, kind: 'join' } }), 'join'],
    ['a member whose data is gone never founds again', facts({ cluster: member }), 'wait'],
    ['a node without any file waits', facts({ bootstrap: null }), 'wait'],
    ['data of an unknown cluster waits', facts({ bootstrap: null, hasData: true }), 'wait'],
    ['two cluster ids wait', facts({ cluster: { ...member, clusterId: 'c2' }, hasData: true }), 'wait'],
    ['data of another node waits', facts({ cluster: { ...member, member: 'n9' }, hasData: true }), 'wait'],
    ['a bootstrap file without this node waits', facts({ nodeId: 'n7' }), 'wait'],
    ['a bootstrap file with another address waits', facts({ peer: 'h2:2380' }), 'wait'],
    ['a damaged cluster file waits, also without data', facts({ cluster: 'unreadable' }), 'wait'],
    ['a damaged bootstrap file waits', facts({ bootstrap: 'unreadable' }), 'wait'],
  ])('%s', (_, given, kind) => {
    const start = planEtcdStart(given);
    expect(start.kind).toBe(kind);
    if (start.kind === 'wait') expect(start.next).not.toBe('');
  });
});

describe('a start on a real disk', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'claudecluster-bootstrap-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const prepare = () => prepareEtcdStart(bootstrapPaths(dir), 'n1', 'h1:2380');
  const writeBootstrap = () => writeFileSync(join(dir, 'bootstrap.json'), JSON.stringify(bootstrap));
  const writeWal = () => {
    mkdirSync(join(dir, 'etcd/member/wal'), { recursive: true });
    writeFileSync(join(dir, 'etcd/member/wal/0-0.wal'), '');
  };

  it('has cluster.json on the disk before etcd may run for the first time', () => {
    writeBootstrap();
    expect(prepare().kind).toBe('new');
    expect(JSON.parse(readFileSync(join(dir, 'cluster.json'), 'utf8'))).toEqual(founding);
  });

  it('waits for an operator when the data of a member is removed', () => {
    writeBootstrap();
    prepare();
    writeWal();
    expect(prepare().kind).toBe('existing');
    rmSync(join(dir, 'etcd'), { recursive: true });
    expect(prepare()).toMatchObject({ kind: 'wait', reason: expect.stringContaining('gone') });
    expect(existsSync(join(dir, 'etcd'))).toBe(false);
  });

  it('takes a member that has served as one even before its log is looked at', () => {
    writeBootstrap();
    prepare();
    confirmMember(bootstrapPaths(dir), 'n1');
    expect(prepare().kind).toBe('wait');
  });

  it('compares the cluster id with the store, once written by the first', async () => {
    const held = new Map<string, string>();
    const store = {
      get: async (key: string) => {
        const value = held.get(key);
        return value === undefined ? null : { key, value, modRevision: 1, leaseId: '' };
      },
      txn: async (_: unknown, [op]: { put: string; value: string }[]) => {
        if (op && !held.has(op.put)) held.set(op.put, op.value);
        return true;
      },
    } as unknown as Store;
    const paths = bootstrapPaths(dir);
    await expect(checkClusterId(store, clock, paths)).rejects.toMatchObject({ code: 'operator-needed' });
    writeBootstrap();
    expect(await checkClusterId(store, clock, paths)).toBe('c1');
    writeFileSync(paths.bootstrap, JSON.stringify({ ...bootstrap, clusterId: 'c2' }));
    await expect(checkClusterId(store, clock, paths)).rejects.toMatchObject({ detail: { seen: 'c1', wanted: 'c2' } });
    rmSync(paths.bootstrap);
    expect(await checkClusterId(store, clock, paths)).toBe('c1');
    expect(JSON.parse(readFileSync(paths.cluster, 'utf8'))).toMatchObject({ clusterId: 'c1', member: null });
  });
});
