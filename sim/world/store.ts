/** etcd as its clients see it: linearizable, with transactions and leases, and answers that may be lost on the way. */

import { ClusterError } from '../../src/errors.ts';
import type { Compare, KeyValue, Lease, Op, Store, Watch } from '../../src/ports/store.ts';
import type { Group } from './group.ts';
import { type Network, unavailable } from './network.ts';
import { countCall, createBatch, heardBy, nobody, type Proc, type Scheduler } from './scheduler.ts';

/** As src/adapters/etcd has it, ms. */
const requestTimeoutMs = 3_000;

interface ServerLease {
  id: string;
  ttlMs: number;
  expiresMs: number;
  keys: Set<string>;
}

export type SimLease = Lease & { lose(): void; renewedAtMs: number };

export interface SimStore {
  kvs: Map<string, KeyValue>;
  /** The port of one process; `onlyOwn`: through the member on its own host only. */
  port(proc: Proc, onlyOwn: boolean): Store;
  /** Is there a way for this host to have something done now? */
  available(hostId: string, onlyOwn: boolean): boolean;
  /** At once, as the store itself. */
  put(key: string, value: string, leaseId?: string): void;
  remove(key: string): void;
  get(key: string): KeyValue | null;
  grant(ttlMs: number): string;
  /** False: it is gone. */
  renew(leaseId: string): boolean;
  revoke(leaseId: string): void;
  /** A new Raft leader gives every lease its full time again. */
  refreshLeases(): void;
  expire(): void;
  onPut: ((key: string, value: string, before: string | null) => void) | null;
}

export function createStore(deps: { sched: Scheduler; group: Group; net: Network }): SimStore {
  const { sched, group, net } = deps;
  const kvs = new Map<string, KeyValue>();
  const leases = new Map<string, ServerLease>();
  /** By the directory of their key: a list is always of one whole directory. */
  const dirs = new Map<string, Map<string, KeyValue>>();
  const watches = new Map<string, { proc: Proc; onChange: () => void }[]>();
  /** No lease can be over before. */
  let soonestMs = 0;
  let revision = 1;
  let lastLease = 0;

  const dirOf = (key: string): Map<string, KeyValue> => {
    const name = key.slice(0, key.lastIndexOf('/') + 1);
    let dir = dirs.get(name);
    if (dir === undefined) {
      dir = new Map();
      dirs.set(name, dir);
    }
    return dir;
  };
  const changed = (key: string): void => {
    for (const [prefix, watchers] of watches) {
      if (!key.startsWith(prefix)) continue;
      for (const { proc, onChange } of watchers) {
        if (!proc.dead && net.hint()) sched.after(proc, net.latencyMs(), onChange);
      }
    }
  };
  const store: SimStore = {
    kvs,
    onPut: null,
    available(hostId, onlyOwn) {
      if (group.leader === null) return false;
      const own = group.member(hostId);
      if (own !== undefined && group.serves(hostId)) return true;
      if (onlyOwn && own !== undefined) return false;
      return group.members.some((one) => net.reach(hostId, one.id) && group.serves(one.id));
    },
    get: (key) => kvs.get(key) ?? null,
    put(key, value, leaseId = '') {
      const before = kvs.get(key);
      if (before !== undefined && before.leaseId !== '' && before.leaseId !== leaseId) {
        leases.get(before.leaseId)?.keys.delete(key);
      }
      if (leaseId !== '') {
        const lease = leases.get(leaseId);
        if (lease === undefined) throw new ClusterError('not-found', `no lease ${leaseId}`);
        lease.keys.add(key);
      }
      revision += 1;
      const kv = { key, value, modRevision: revision, leaseId };
      kvs.set(key, kv);
      dirOf(key).set(key, kv);
      store.onPut?.(key, value, before?.value ?? null);
      changed(key);
    },
    remove(key) {
      const kv = kvs.get(key);
      if (kv === undefined) return;
      revision += 1;
      leases.get(kv.leaseId)?.keys.delete(key);
      kvs.delete(key);
      dirOf(key).delete(key);
      changed(key);
    },
    grant(ttlMs) {
      lastLease += 1;
      const id = lastLease.toString(16).padStart(8, '0');
      leases.set(id, { id, ttlMs, expiresMs: sched.now() + ttlMs, keys: new Set() });
      soonestMs = Math.min(soonestMs, sched.now() + ttlMs);
      return id;
    },
    renew(leaseId) {
      const lease = leases.get(leaseId);
      if (lease === undefined) return false;
      lease.expiresMs = sched.now() + lease.ttlMs;
      return true;
    },
    revoke(leaseId) {
      const lease = leases.get(leaseId);
      if (lease === undefined) return;
      leases.delete(leaseId);
      for (const key of [...lease.keys]) store.remove(key);
    },
    refreshLeases() {
      for (const lease of leases.values()) lease.expiresMs = sched.now() + lease.ttlMs;
    },
    expire() {
      if (group.leader === null || sched.now() < soonestMs) return;
      soonestMs = Number.POSITIVE_INFINITY;
      for (const lease of leases.values()) {
        if (lease.expiresMs <= sched.now()) store.revoke(lease.id);
        else soonestMs = Math.min(soonestMs, lease.expiresMs);
      }
    },
    port: (proc, onlyOwn) => storePort(proc, onlyOwn),
  };

  const batch = createBatch(
    sched,
    () => net.latencyMs() + net.latencyMs(),
    () => store.expire(),
  );
  /**
   * A read takes one event where nothing can get lost or late: nobody can tell when on its way it was answered. Those that a
   * process begins at once are answered at once.
   */
  const read = <T>(proc: Proc, onlyOwn: boolean, apply: () => T): Promise<T> => {
    if (net.loss > 0 || net.delay > 0 || net.blocked.size > 0) return ask(proc, onlyOwn, apply);
    countCall(proc);
    return new Promise((resolve, reject) => {
      const one = (): void => {
        if (store.available(proc.hostId, onlyOwn)) resolve(apply());
        else sched.after(proc, requestTimeoutMs, () => reject(heardBy(proc, unavailable('the store did not answer'))));
      };
      batch(proc, one);
    });
  };
  const ask = <T>(proc: Proc, onlyOwn: boolean, apply: () => T): Promise<T> => {
    countCall(proc);
    return new Promise((resolve, reject) => {
      const untilMs = sched.now() + requestTimeoutMs;
      const lost = (): void => {
        sched.after(proc, untilMs - sched.now(), () => reject(heardBy(proc, unavailable('the store did not answer'))));
      };
      if (net.lost()) return lost();
      const wayMs = net.latencyMs();
      // It is given up, and done all the same when it arrives.
      if (wayMs > requestTimeoutMs) lost();
      sched.after(nobody, wayMs, () => {
        store.expire();
        if (!store.available(proc.hostId, onlyOwn)) return lost();
        let settle: () => void;
        try {
          const value = apply();
          settle = () => resolve(value);
        } catch (thrown) {
          settle = () => reject(heardBy(proc, thrown));
        }
        const backMs = net.latencyMs();
        // Done, and the answer may not get back (P5, P6: whoever asked must find out by reading).
        if (net.lost() || !answers(proc.hostId) || sched.now() + backMs > untilMs) return lost();
        sched.after(proc, backMs, settle);
      });
    });
  };
  const answers = (hostId: string): boolean => group.members.some((one) => net.reach(one.id, hostId));
  const holds = ({ key, modRevision }: Compare): boolean => (kvs.get(key)?.modRevision ?? 0) === modRevision;
  const applyOps = (compares: Compare[], ops: Op[]): boolean => {
    if (!compares.every(holds)) return false;
    for (const op of ops) {
      if ('put' in op) store.put(op.put, op.value, op.leaseId);
      else store.remove(op.remove);
    }
    return true;
  };
  const listNow: Store['list'] extends (prefix: string, options?: infer O) => unknown
    ? (prefix: string, options?: O) => KeyValue[]
    : never = (prefix, options = {}) => {
    if (!prefix.endsWith('/')) throw new Error(`the simulated store lists directories only, not ${prefix}`);
    const { after } = options;
    const all = [...dirOf(prefix).values()];
    const found = after === undefined ? all : all.filter((kv) => kv.key > after);
    found.sort((one, two) => (one.key < two.key ? -1 : 1));
    if (options.descending === true) found.reverse();
    return options.limit !== undefined && options.limit > 0 ? found.slice(0, options.limit) : found;
  };

  function storePort(proc: Proc, onlyOwn: boolean): Store {
    return {
      get: (key) => read(proc, onlyOwn, () => kvs.get(key) ?? null),
      list: (prefix, options) => read(proc, onlyOwn, () => listNow(prefix, options)),
      put: (key, value, leaseId) => ask(proc, onlyOwn, () => store.put(key, value, leaseId)),
      txn: (compares, ops) => ask(proc, onlyOwn, () => applyOps(compares, ops)),
      watch: async (prefix, onChange): Promise<Watch> => {
        const watch = { proc, onChange };
        const alive = (watches.get(prefix) ?? []).filter((one) => !one.proc.dead);
        watches.set(prefix, [...alive, watch]);
        const isOther = (one: object): boolean => one !== watch;
        return { close: async () => void watches.set(prefix, (watches.get(prefix) ?? []).filter(isOther)) };
      },
      grantLease: (ttlSeconds) =>
        ask(proc, onlyOwn, () => leaseOf(proc, store.grant(ttlSeconds * 1_000), ttlSeconds * 1_000)),
      close: async () => undefined,
    };
  }

  function leaseOf(_proc: Proc, id: string, ttlMs: number): SimLease {
    const gone = new AbortController();
    const lease: SimLease = {
      id,
      renewedAtMs: sched.now(),
      lost: gone.signal,
      alive: () => !gone.signal.aborted && sched.now() < lease.renewedAtMs + ttlMs,
      revoke: async () => {
        store.revoke(id);
        gone.abort();
      },
      lose: () => gone.abort(),
    };
    return lease;
  }
  return store;
}
