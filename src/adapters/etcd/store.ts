/** The `Store` port on etcd. connect: one endpoint · ask: which endpoint, and again or not · txn · lease · watch · range. */
import type { IKeyValue } from 'etcd3';
import type { Clock } from '../../ports/clock.ts';
import type { KeyValue, Store, Watch } from '../../ports/store.ts';
import { createAsker } from './ask.ts';
import { callDeadline, connectEndpoint, type EtcdTls } from './connect.ts';
import { grantLease, leaseToDecimal, leaseToHex } from './lease.ts';
import { endOfPrefix } from './range.ts';
import { runTxn } from './txn.ts';
import { watchPrefix } from './watch.ts';

export interface EtcdStoreOptions {
  /** host:port; the first is preferred, the others are asked when it does not answer. */
  endpoints: string[];
  /** Undefined: plain text, for an external etcd without TLS only. */
  tls: EtcdTls | undefined;
  clock: Clock;
  /** Deadline of every request in ms, all endpoints together. Default 3,000. */
  requestTimeoutMs?: number;
  /**
   * A transaction that puts every key it compares is sent to the next endpoint too after this long without an answer,
   * in ms; it is applied once all the same. Default 250.
   */
  hedgeMs?: number;
}

/**
 * A store on these endpoints; nothing is dialled before the first request.
 *
 * A voter makes two: one with its own member only, for lease and heartbeats (P4: such a heartbeat proves that its own
 * member takes linearizable writes), and one with its own member first and the others behind it, for everything else.
 */
export function createEtcdStore(options: EtcdStoreOptions): Store {
  const { clock, requestTimeoutMs = 3_000, hedgeMs = 250 } = options;
  const endpoints = options.endpoints.map((address) => connectEndpoint(address, options.tls));
  const asker = createAsker(endpoints, clock, requestTimeoutMs);
  const watches = new Set<Watch>();

  const get = async (key: string): Promise<KeyValue | null> => {
    const answer = await asker.ask('read', (endpoint, timeoutMs) =>
      endpoint.client.kv.range({ key: Buffer.from(key) }, callDeadline(timeoutMs)),
    );
    const kv = answer.kvs[0];
    return kv ? toKeyValue(kv) : null;
  };

  return {
    get,

    async list(prefix, { limit = 0, descending = false, keysOnly = false, after } = {}) {
      const first = after !== undefined && !descending ? `${after}\0` : prefix;
      const end = after !== undefined && descending ? Buffer.from(after) : endOfPrefix(prefix);
      const answer = await asker.ask('read', (endpoint, timeoutMs) =>
        endpoint.client.kv.range(
          {
            key: Buffer.from(first),
            range_end: end,
            limit,
            keys_only: keysOnly,
            sort_target: 'Key',
            sort_order: descending ? 'Descend' : 'Ascend',
          },
          callDeadline(timeoutMs),
        ),
      );
      return answer.kvs.map(toKeyValue);
    },

    async put(key, value, leaseId = '') {
      const request = { key: Buffer.from(key), value: Buffer.from(value), lease: leaseToDecimal(leaseId) };
      await asker.ask('write', (endpoint, timeoutMs) => endpoint.client.kv.put(request, callDeadline(timeoutMs)));
    },

    txn: (compares, then) => {
      const read = async (key: string): Promise<string | null> => (await get(key))?.value ?? null;
      return runTxn({ asker, clock, requestTimeoutMs, hedgeMs, read }, compares, then);
    },

    async watch(prefix, onChange) {
      const watch = await watchPrefix(asker, clock, prefix, onChange, requestTimeoutMs);
      watches.add(watch);
      return {
        close: async () => {
          watches.delete(watch);
          await watch.close();
        },
      };
    },

    grantLease: (ttlSeconds) => grantLease(asker, clock, ttlSeconds),

    async close() {
      await Promise.all([...watches].map((watch) => watch.close()));
      for (const endpoint of endpoints) endpoint.client.close();
    },
  };
}

function toKeyValue(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString(),
    value: kv.value.toString(),
    modRevision: Number(kv.mod_revision),
    leaseId: leaseToHex(kv.lease),
  };
}
