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
