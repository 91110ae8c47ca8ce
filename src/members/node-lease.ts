/** A node's one lease: taken, taken anew when it is lost, and given back. Its record and its leadership are on it. */
import type { Logger } from '../ports/logger.ts';
import type { Lease, Store } from '../ports/store.ts';

export interface NodeLeaseOptions {
  store: Store;
  logger: Logger;
  nodeId: string;
  /** Asked of the store, ms; it counts whole seconds. */
  ttlMs: number;
  /** A loss after this is nobody's news. */
  stopping: AbortSignal;
  /** Called after the listeners, when a lease is lost: another one is wanted. */
  onLost(): void;
}

export interface NodeLease {
  /** The lease while it is certainly alive; null otherwise. */
  live(): Lease | null;
  /** The live one, or a new one. Throws ClusterError 'unavailable'. */
  ensure(): Promise<Lease>;
  /** The store ended it before we knew: the next `ensure` takes another one. */
  forget(): void;
  /** Called when a lease was granted or lost. Returns what unsubscribes. */
  onChange(listener: () => void): () => void;
  /** Every key on it goes now. Never rejects. */
  revoke(): Promise<void>;
}

export function createNodeLease(options: NodeLeaseOptions): NodeLease {
  const { store, logger, nodeId, ttlMs, stopping } = options;
  const listeners = new Set<() => void>();
  let lease: Lease | null = null;

  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const live = (): Lease | null => (lease?.alive() ? lease : null);

  return {
    live,
    async ensure() {
      const held = live();
      if (held) return held;
      const granted = await store.grantLease(Math.ceil(ttlMs / 1_000));
      lease = granted;
      granted.lost.addEventListener('abort', () => {
        if (lease !== granted || stopping.aborted) return;
        logger.warn({ nodeId, leaseId: granted.id }, 'our lease is lost: the store was not reached for too long');
        tell();
        options.onLost();
      });
      tell();
      return granted;
    },
    forget() {
      lease = null;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async revoke() {
      await lease?.revoke();
    },
  };
}
