/**
 * The one error that crosses boundaries: a closed set of codes, and enough for an operator to act (P8).
 * Callers match `code`, never the message.
 */

export const errorCodes = [
  'usage', // the call itself is wrong: a flag, a hash, a name
  'config', // a configuration file that cannot be used
  'not-leader', // only the leader can do this; `leader` may name it
  'no-leader', // there is no leader at this moment
  'unavailable', // a peer or the store did not answer; worth another try
  'denied', // the caller's certificate lacks the role
  'stale-epoch', // a command of a former leader (P6)
  'conflict', // somebody else changed it first (compare-and-swap lost)
  'update-running', // another update is under way
  'refused', // preflight said no
  'quorum-unsafe', // stopping this voter would cost the quorum (P1)
  'draining', // the node takes no new task
  'not-found',
  'release-invalid', // not a release: shape, stamp, forbidden entry
  'verify-failed', // the tree's hash is not its name (P7)
  'self-test-failed', // the build's own self-test failed
  'transfer-failed', // rsync or its channel failed; says nothing against the build
  'disk', // full, read-only or failing disk
  'quarantined', // the build was rolled back before (P10)
  'trial-busy', // the node is on trial for something else
  'service-manager', // the restart could not be asked for
  'operator-needed', // no automatic way on
  'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/**
 * What a code says about doing the same thing again. This table is the one place where it is decided.
 * - `passing`: nobody answered, or the leadership is on its way: the same question may be answered in a moment.
 * - `held-up`: an answer from outside that lasts until somebody mends what it names; nothing is decided by it.
 * - `superseded`: another leader acts, and this one's part is over (P6).
 * - `operator`: there is no automatic way on, and the error says what to do.
 * - `answer`: a clear no to what was asked. Whoever asks expects it there and handles it; anywhere else it is a fault.
 * - `fault`: our own.
 */
export type ErrorMeaning = 'passing' | 'held-up' | 'superseded' | 'operator' | 'answer' | 'fault';

/** Complete by type: a new code without a meaning does not compile. */
export const errorMeanings: Record<ErrorCode, ErrorMeaning> = {
  unavailable: 'passing',
  'no-leader': 'passing',
  'not-leader': 'passing',
  disk: 'held-up',
  denied: 'held-up',
  'stale-epoch': 'superseded',
  'operator-needed': 'operator',
  usage: 'answer',
  config: 'answer',
  conflict: 'answer',
  'update-running': 'answer',
  refused: 'answer',
  'quorum-unsafe': 'answer',
  draining: 'answer',
  'not-found': 'answer',
  'release-invalid': 'answer',
  'verify-failed': 'answer',
  'self-test-failed': 'answer',
  'transfer-failed': 'answer',
  quarantined: 'answer',
  'trial-busy': 'answer',
  'service-manager': 'answer',
  internal: 'fault',
};

/** Is the same question worth asking again, a moment later? */
export function isPassing(code: ErrorCode): boolean {
  return errorMeanings[code] === 'passing';
}

/** What an operator reads: which node, what was seen, what was wanted, what to do next (P8). */
export interface ErrorDetail {
  nodeId?: string;
  seen?: string;
  wanted?: string;
  next?: string;
}

export class ClusterError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ClusterError';
    this.code = code;
    this.detail = detail;
  }

  /** JSON for `--json` and for verbs: `{code, message, nodeId?, seen?, wanted?, next?}`. */
  toJSON(): { code: ErrorCode; message: string } & ErrorDetail {
    return { code: this.code, message: this.message, ...this.detail };
  }
}

/** Any thrown value as a ClusterError; what is not one already becomes `internal` with the value as cause. */
export function asClusterError(thrown: unknown, code: ErrorCode = 'internal'): ClusterError {
  if (thrown instanceof ClusterError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ClusterError(code, message, {}, thrown);
}
