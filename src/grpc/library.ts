import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

/**
 * grpc-js writes what goes wrong to stderr by itself; here it comes as an error to whoever called, and stderr belongs to
 * progress. GRPC_VERBOSITY brings it back for a search.
 */
export function quietLibrary(): void {
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
}
