import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectEndpoint } from '../../src/adapters/etcd/connect.ts';
import { leaseToDecimal } from '../../src/adapters/etcd/lease.ts';
import { createEtcdStore } from '../../src/adapters/etcd/store.ts';
import { systemClock as clock } from '../../src/adapters/system-clock.ts';
import type { Store } from '../../src/ports/store.ts';
import { startTestEtcd, type TestEtcd, until } from './support/etcd.ts';
import { writeTestTls } from './support/test-ca.ts';

const at = <T>(list: T[], index: number): T => {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
};

describe('the store on three real etcd members', { timeout: 40_000 }, () => {
  let etcd: TestEtcd;
  let store: Store;
  beforeAll(async () => {
    etcd = await startTestEtcd(3);
    store = createEtcdStore({ endpoints: etcd.endpoints, tls: etcd.tls, clock });
  }, 40_000);
  afterAll(async () => {
    await store?.close();
    await etcd?.stop();
  });

  it('puts, gets, and reports a missing key as null', async () => {
    expect(await store.get('/t/none')).toBeNull();
    await store.put('/t/a', '{"ü":1}');
    expect(await store.get('/t/a')).toMatchObject({ key: '/t/a', value: '{"ü":1}', leaseId: '' });
  });

  it('lists below a prefix in order, from a key on, backwards, limited, without values', async () => {
    for (const name of ['/l/1', '/l/2', '/l/3', '/m/1']) await store.put(name, name);
    const names = async (options: Parameters<Store['list']>[1]) =>
      (await store.list('/l/', options)).map((kv) => kv.key);
    expect(await names({})).toEqual(['/l/1', '/l/2', '/l/3']);
    expect(await names({ after: '/l/1' })).toEqual(['/l/2', '/l/3']);
    expect(await names({ descending: true, limit: 1 })).toEqual(['/l/3']);
    expect(await names({ descending: true, after: '/l/3' })).toEqual(['/l/2', '/l/1']);
    expect((await store.list('/l/', { keysOnly: true })).map((kv) => kv.value)).toEqual(['', '', '']);
  });

  it('takes a value of a megabyte', async () => {
    const value = 'x'.repeat(1_000_000);
    await store.put('/big', value);
    expect((await store.get('/big'))?.value).toHaveLength(1_000_000);
  });

  it('changes all or nothing: a compare with an old revision loses', async () => {
    expect(await store.txn([{ key: '/c', modRevision: 0 }], [{ put: '/c', value: '1' }])).toBe(true);
    expect(await store.txn([{ key: '/c', modRevision: 0 }], [{ put: '/c', value: '2' }])).toBe(false);
    const kv = await store.get('/c');
    const won = await Promise.all(
      ['a', 'b', 'c'].map((value) =>
        store.txn(
          [{ key: '/c', modRevision: kv?.modRevision ?? -1 }],
          [
            { put: '/c', value },
            { put: '/c2', value },
          ],
        ),
      ),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    const rev = (await store.get('/c'))?.modRevision ?? -1;
    expect(await store.txn([{ key: '/c', modRevision: rev }], [{ remove: '/c' }, { remove: '/c2' }])).toBe(true);
    expect(await store.get('/c2')).toBeNull();
  });

  it('removes what is on a lease when it is revoked, and refuses a lease that is gone', async () => {
    const lease = await store.grantLease(2);
    await store.put('/leased', 'x', lease.id);
    expect((await store.get('/leased'))?.leaseId).toBe(lease.id);
    await lease.revoke();
    expect(lease.alive()).toBe(false);
    expect(await store.get('/leased')).toBeNull();
    await expect(store.put('/leased', 'x', lease.id)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('keeps a lease far beyond its TTL', async () => {
    const lease = await store.grantLease(4);
    await store.put('/kept', 'x', lease.id);
    const untilMs = clock.nowMs() + 9_000;
    await until('more than two TTLs to pass', () => clock.nowMs() > untilMs || lease.lost.aborted);
    expect(lease.alive()).toBe(true);
    expect(await store.get('/kept')).not.toBeNull();
    await lease.revoke();
  });

  it('notices at the next keepalive that a lease was ended by somebody else', async () => {
    const lease = await store.grantLease(2);
    const other = connectEndpoint(at(etcd.endpoints, 0), etcd.tls);
    await other.client.leaseClient.leaseRevoke({ ID: leaseToDecimal(lease.id) });
    await until('the loss to be noticed', () => lease.lost.aborted);
    other.client.close();
  });

  it('counts a lease as lost before the server can have ended it when its member is frozen', async () => {
    const frozen = at(etcd.members, 2);
    const own = createEtcdStore({ endpoints: [frozen.client], tls: etcd.tls, clock });
    // The server counts a tenth more: here a second, for a busy machine to look again before it is over.
    const lease = await own.grantLease(10);
    await own.put('/frozen', 'x', lease.id);
    const pid = frozen.member.state().pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await until('the loss to be noticed', () => lease.lost.aborted);
      // Our own view ends first: the key is still there for everybody else.
      expect(await store.get('/frozen')).not.toBeNull();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await own.close();
  });

  it('reads from another member when the first is frozen, within the deadline', async () => {
    const frozen = at(etcd.members, 0);
    await store.put('/there', 'x');
    const pid = frozen.member.state().pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await until('a read', async () => (await store.get('/there').catch(() => null)) !== null);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  it('says unavailable in time, with the endpoints, when nobody answers', async () => {
    const nobody = createEtcdStore({ endpoints: ['127.0.0.1:1'], tls: etcd.tls, clock, requestTimeoutMs: 400 });
    await expect(nobody.get('/a')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(nobody.put('/a', 'x')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(nobody.watch('/a', () => undefined)).rejects.toMatchObject({ code: 'unavailable' });
    await nobody.close();
  });

  it('gets no byte without a certificate of the cluster (P9)', async () => {
    const other = writeTestTls(join(etcd.dir, 'other-ca'));
    const stranger = createEtcdStore({
      endpoints: etcd.endpoints,
      tls: { ca: etcd.tls.ca, cert: readFileSync(other.cert), key: readFileSync(other.key) },
      clock,
      requestTimeoutMs: 500,
    });
    await expect(stranger.get('/t/a')).rejects.toMatchObject({ code: 'unavailable' });
    await stranger.close();
  });

  it('goes on watching after the member behind the watch was killed, and hints at the gap', async () => {
    let hints = 0;
    const first = at(etcd.members, 1);
    const watching = createEtcdStore({ endpoints: [first.client], tls: etcd.tls, clock });
    const watch = await watching.watch('/w/', () => {
      hints += 1;
    });
    await store.put('/w/1', 'x');
    await until('the first hint', () => hints > 0);
    process.kill(first.member.state().pid ?? 0, 'SIGKILL');
    const before = hints;
    await until('a write in the gap', () =>
      store.put('/w/2', 'in the gap').then(
        () => true,
        () => false,
      ),
    );
    await first.member.ready();
    await until('a hint about the gap', () => hints > before);
    const after = hints;
    await until('the watch to be alive', async () => {
      await store.put('/w/3', 'x');
      return hints > after;
    });
    await watch.close();
    await watching.close();
  });
});
