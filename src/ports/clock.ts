/** Time and randomness come in through here, so that tests and the simulation own both. */
export interface Clock {
  /** Monotonic milliseconds (CLOCK_MONOTONIC of this boot): comparable between processes of one boot, never between hosts. */
  nowMs(): number;
  /** Wall clock, ISO 8601. For people to read in records; no decision is taken on it. */
  wallIso(): string;
  /** Resolves after `ms`, or at once when `signal` aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A random id: `bytes` bytes as lower-case hex. */
  randomId(bytes: number): string;
}
