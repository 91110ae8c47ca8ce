/** What may be asked of a task, and what a request that makes no sense is told. */
import { ClusterError } from '../../errors.ts';

export interface TaskRequest {
  /** argv[0] is looked up in PATH; 'claudecluster' is the node's own release. */
  argv: readonly string[];
  /** Default: the node's base directory. */
  cwd?: string;
  /** Added to the node's environment for tasks. */
  env?: Readonly<Record<string, string>>;
  /** Milliseconds until the process group is killed; 0 or undefined: 10 minutes. */
  timeoutMs?: number;
  stdin?: Uint8Array;
}

export const defaultTaskTimeoutMs = 600_000;
/** One day: above it a timeout is a mistake in units. */
const maxTaskTimeoutMs = 86_400_000;

/** Is it one of the cluster's own verbs (`claudecluster node …`), which run on a draining node too? */
export function isNodeVerb(argv: readonly string[]): boolean {
  return argv[0] === 'claudecluster' && argv[1] === 'node';
}

/** Throws ClusterError 'usage' for a request that no process could be started from. */
export function checkTaskRequest(request: TaskRequest): void {
  const program = request.argv[0];
  if (program === undefined || program === '')
    throw new ClusterError('usage', 'a task needs argv[0]: the program to run');
  const texts = [...request.argv, request.cwd ?? '', ...Object.entries(request.env ?? {}).flat()];
  if (texts.some((text) => text.includes('\0'))) {
    throw new ClusterError('usage', 'a task may not hold a NUL character in argv, cwd or env');
  }
  const badName = Object.keys(request.env ?? {}).find((name) => name === '' || name.includes('='));
  if (badName !== undefined) {
    throw new ClusterError('usage', 'not a name for an environment variable', { seen: JSON.stringify(badName) });
  }
  const { timeoutMs } = request;
  if (
    timeoutMs !== undefined &&
    !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= maxTaskTimeoutMs)
  ) {
    throw new ClusterError('usage', 'not a timeout for a task', {
      seen: `${timeoutMs} ms`,
      wanted: `0 to ${maxTaskTimeoutMs} ms`,
    });
  }
}
