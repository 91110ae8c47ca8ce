/** Errors that reach one version from the world or from another version: by code and words, as off the wire. */
import { asClusterError, ClusterError, errorCodes } from '../../src/errors.ts';

/** Any thrown value as an error of this version; a code that it does not know is `internal`, as src/grpc/errors.ts has it. */
export function ownError(thrown: unknown): ClusterError {
  const foreign = thrown instanceof Error && thrown.name === 'ClusterError' && !(thrown instanceof ClusterError);
  if (!foreign) return asClusterError(thrown);
  const { code, message, ...detail } = JSON.parse(JSON.stringify(thrown)) as Record<string, string>;
  return new ClusterError(errorCodes.find((known) => known === code) ?? 'internal', message ?? '', detail);
}
