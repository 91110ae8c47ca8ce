/** ClusterError ⇄ gRPC status. The whole error travels in a trailer, so that P8 holds across the wire. */
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { saysBrokenConnection } from '../base/broken-connection.ts';
import { asClusterError, ClusterError, type ErrorCode, type ErrorDetail, errorCodes } from '../errors.ts';

/** Trailer with the error as JSON; the suffix makes it binary-safe. */
export const errorTrailer = 'claudecluster-error-bin';

/** Trailers must fit into HTTP/2's header limits (16 KiB at many ends); what is longer loses its tail. */
const maxMessageBytes = 6 * 1024;
const maxDetailBytes = 1024;
const maxPlainMessageBytes = 1024;

const grpcCodes: Record<ErrorCode, status> = {
  usage: status.INVALID_ARGUMENT,
  config: status.FAILED_PRECONDITION,
  'not-leader': status.FAILED_PRECONDITION,
  'no-leader': status.UNAVAILABLE,
  unavailable: status.UNAVAILABLE,
  denied: status.PERMISSION_DENIED,
  'stale-epoch': status.FAILED_PRECONDITION,
  conflict: status.ABORTED,
  'update-running': status.FAILED_PRECONDITION,
  refused: status.FAILED_PRECONDITION,
  'quorum-unsafe': status.FAILED_PRECONDITION,
  draining: status.FAILED_PRECONDITION,
  'not-found': status.NOT_FOUND,
  'release-invalid': status.FAILED_PRECONDITION,
  'verify-failed': status.DATA_LOSS,
  'self-test-failed': status.FAILED_PRECONDITION,
  'transfer-failed': status.ABORTED,
  disk: status.RESOURCE_EXHAUSTED,
  quarantined: status.FAILED_PRECONDITION,
  'trial-busy': status.FAILED_PRECONDITION,
  'service-manager': status.INTERNAL,
  'operator-needed': status.FAILED_PRECONDITION,
  internal: status.INTERNAL,
};

/** What a status means when it came without our trailer: from grpc-js itself, a proxy, or another program. */
const clusterCodes: Partial<Record<status, ErrorCode>> = {
  [status.CANCELLED]: 'unavailable',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'unavailable',
  [status.INVALID_ARGUMENT]: 'usage',
  [status.OUT_OF_RANGE]: 'usage',
  [status.PERMISSION_DENIED]: 'denied',
  [status.UNAUTHENTICATED]: 'denied',
  [status.NOT_FOUND]: 'not-found',
  [status.ABORTED]: 'conflict',
};

/** Status fields as grpc-js hands them to a caller. */
interface StatusLike {
  code: number;
  details: string;
  metadata?: Metadata | undefined;
}

/** At most `bytes` of UTF-8, well-formed (a lone surrogate would make grpc-js throw while it sends), marked when cut. */
function clip(text: string, bytes: number): string {
  const encoded = Buffer.from(text, 'utf8');
  if (encoded.length <= bytes) return encoded.toString('utf8');
  return `${encoded
    .subarray(0, bytes)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}

function clipDetail(detail: ErrorDetail): ErrorDetail {
  const kept = Object.entries(detail).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(kept.map(([name, text]) => [name, clip(text, maxDetailBytes)]));
}

/** Any thrown value as a gRPC status; the cause stays here, for it may name what a caller has no business with. */
export function toStatus(thrown: unknown): StatusObject {
  const error = asClusterError(thrown);
  const metadata = new Metadata();
  const json = JSON.stringify({
    code: error.code,
    message: clip(error.message, maxMessageBytes),
    ...clipDetail(error.detail),
  });
  metadata.set(errorTrailer, Buffer.from(json, 'utf8'));
  return { code: grpcCodes[error.code], details: clip(error.message, maxPlainMessageBytes), metadata };
}

function trailerOf(metadata: Metadata | undefined): ClusterError | null {
  const raw = metadata?.get(errorTrailer)[0];
  if (!Buffer.isBuffer(raw)) return null;
  try {
    const value: unknown = JSON.parse(raw.toString('utf8'));
    if (typeof value !== 'object' || value === null) return null;
    const fields = value as Record<string, unknown>;
    const code = errorCodes.find((known) => known === fields.code);
    if (typeof fields.message !== 'string') return null;
    const detail: ErrorDetail = {};
    for (const name of ['nodeId', 'seen', 'wanted', 'next'] as const) {
      const text = fields[name];
      if (typeof text === 'string') detail[name] = text;
    }
    // A newer peer may know codes that we do not: its words still reach the operator.
    return new ClusterError(code ?? 'internal', fields.message, detail);
  } catch {
    return null;
  }
}

function codeWithoutTrailer(like: StatusLike): ErrorCode {
  const known = clusterCodes[like.code as status];
  if (known !== undefined) return known;
  const transport = like.code === status.INTERNAL || like.code === status.UNKNOWN;
  return transport && saysBrokenConnection(like.details) ? 'unavailable' : 'internal';
}

/**
 * What a call failed with, as a ClusterError.
 * @param like the ServiceError or status of grpc-js; anything else becomes 'internal'
 * @param peer host:port that was called, for the message
 */
export function fromStatus(like: unknown, peer: string): ClusterError {
  if (like instanceof ClusterError) return like;
  if (!isStatusLike(like)) return asClusterError(like);
  const carried = trailerOf(like.metadata);
  if (carried !== null) return carried;
  const code = codeWithoutTrailer(like);
  const name = status[like.code] ?? String(like.code);
  const detail: ErrorDetail = { seen: `${name}: ${like.details}` };
  if (code === 'denied') detail.next = 'use a certificate of this cluster whose role may do this';
  if (like.code === status.UNIMPLEMENTED) detail.next = `${peer} runs a build that does not know this call`;
  return new ClusterError(code, `${peer}: ${inWords(like, name)}`, detail, like);
}

/** What an operator recognises; the library's own words are in `seen`. */
function inWords(like: StatusLike, name: string): string {
  if (like.code === status.DEADLINE_EXCEEDED) return 'did not answer in time';
  if (like.code === status.UNAVAILABLE && like.details.includes('ECONNREFUSED')) return 'refuses connections';
  if (like.code === status.UNAVAILABLE && /ECONNRESET|socket hang up/.test(like.details))
    return 'dropped the connection';
  return `the call failed (${name}: ${clip(like.details, 300)})`;
}

function isStatusLike(value: unknown): value is StatusLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as StatusLike).code === 'number' &&
    typeof (value as StatusLike).details === 'string'
  );
}
