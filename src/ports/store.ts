/** The replicated store (etcd behind it). Reads are linearizable; values are UTF-8 JSON text. */

export interface KeyValue {
  key: string;
  value: string;
  /** Revision of the last change; what a compare names. */
  modRevision: number;
  /** Hex id of the lease that the key is on, '' for none. */
  leaseId: string;
}

/** The key's last change must be this revision; 0: the key must not exist. */
export interface Compare {
  key: string;
  modRevision: number;
}

export type Op = { put: string; value: string; leaseId?: string } | { remove: string };

export interface Lease {
  /** Hex. */
  readonly id: string;
  /** Aborts when the lease is known or must be assumed to be lost. */
  readonly lost: AbortSignal;
  /** By the monotonic clock at this very moment; a process that was frozen must ask this, its timers come late. */
  alive(): boolean;
  /** Ends the lease now: every key on it goes. Never rejects. */
  revoke(): Promise<void>;
}

export interface Watch {
  close(): Promise<void>;
}

/** All methods throw ClusterError 'unavailable' when the store does not answer in `requestTimeoutMs` (default 3,000). */
export interface Store {
  get(key: string): Promise<KeyValue | null>;
  /** Every key below the prefix, sorted, of one revision. `limit` 0: all. */
  list(
    prefix: string,
    options?: { limit?: number; descending?: boolean; keysOnly?: boolean; after?: string },
  ): Promise<KeyValue[]>;
  put(key: string, value: string, leaseId?: string): Promise<void>;
  /** All of `then` if every compare holds: true; otherwise nothing, false. */
  txn(compares: Compare[], then: Op[]): Promise<boolean>;
  /** A hint, not the truth: `onChange` may be called too often, late, or after a gap. Read again after it. */
  watch(prefix: string, onChange: () => void): Promise<Watch>;
  grantLease(ttlSeconds: number): Promise<Lease>;
  close(): Promise<void>;
}
