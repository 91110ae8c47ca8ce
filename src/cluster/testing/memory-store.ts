/** A store in memory for unit tests: compare-and-swap as etcd has it, and a hook before every read. */
import type { Compare, KeyValue, Op, Store } from '../../ports/store.ts';

export interface MemoryStore {
  store: Store;
  /** What it holds now, by key. */
  held: Record<string, string>;
  /** At once, as somebody else would. */
  put(key: string, value: string): void;
}

/** `before` is called with each read, and each transaction (its first key), before it is done; what it throws is the answer. */
export function memoryStore(
  start: Record<string, string> = {},
  before: (call: 'get' | 'list' | 'txn', key: string) => void = () => undefined,
): MemoryStore {
  const held: Record<string, string> = { ...start };
  const revisions = new Map(Object.keys(held).map((key) => [key, 1]));
  let revision = 1;
  const get = async (key: string): Promise<KeyValue | null> => {
    before('get', key);
    const value = held[key];
    return value === undefined ? null : { key, value, modRevision: revisions.get(key) ?? 0, leaseId: '' };
  };
  const txn = async (compares: Compare[], ops: Op[]): Promise<boolean> => {
    const [first] = ops;
    before('txn', first === undefined ? '' : 'put' in first ? first.put : first.remove);
    if (compares.some(({ key, modRevision }) => (revisions.get(key) ?? 0) !== modRevision)) return false;
    revision += 1;
    for (const op of ops) {
      if ('put' in op) {
        held[op.put] = op.value;
        revisions.set(op.put, revision);
      } else {
        delete held[op.remove];
        revisions.delete(op.remove);
      }
    }
    return true;
  };
  const list: Store['list'] = async (prefix, { after = '' } = {}) => {
    before('list', prefix);
    const found = await Promise.all(
      Object.keys(held)
        .filter((key) => key.startsWith(prefix) && key > after)
        .sort()
        .map(get),
    );
    return found.filter((kv) => kv !== null);
  };
  const watch = async () => ({ close: async () => undefined });
  const put = (key: string, value: string): void => {
    revision += 1;
    held[key] = value;
    revisions.set(key, revision);
  };
  return { put, store: { get, txn, list, watch } as unknown as Store, held };
}
