/** The node's ways into the replicated store. */
import { createEtcdMaintenance } from '../../adapters/etcd/maintenance.ts';
import { createEtcdStore } from '../../adapters/etcd/store.ts';
import type { RaftAdmin } from '../../ports/raft-admin.ts';
import type { Store } from '../../ports/store.ts';
import type { NodeContext } from './context.ts';

/** A heartbeat that was not taken by then is written anew, ms: a Raft leader that moves drops what was forwarded to it. */
const heartbeatWriteMs = 1_000;

export interface Stores {
  /** A voter's lease and heartbeats go through its own member only: each one proves that it takes writes (P4). */
  own: Store;
  /** Everything else: the own member first, the others behind it. */
  store: Store;
  admin: RaftAdmin;
  close(): Promise<unknown>;
}

export function composeStores({ config, managed, etcdTls: tls, clock }: NodeContext): Stores {
  const endpoints = 'endpoints' in config.etcd ? config.etcd.endpoints : [config.etcd.client, ...config.etcd.others];
  const own = createEtcdStore({
    endpoints: managed ? [managed.client] : endpoints,
    tls,
    clock,
    requestTimeoutMs: heartbeatWriteMs,
  });
  const store = managed ? createEtcdStore({ endpoints, tls, clock }) : own;
  const admin = createEtcdMaintenance({ endpoints, tls, clock });
  return { own, store, admin, close: () => Promise.all([admin.close(), store.close(), own.close()]) };
}
