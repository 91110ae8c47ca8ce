/** A node verb through ExecuteTask: its argv, its one JSON line, and what it means when that does not come. */
import { ClusterError, type ErrorCode } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';

/** Runs a node verb and returns its JSON answer. Throws the verb's own ClusterError, or 'unavailable'. */
export async function runVerb(
  deps: { clientPool: ClientPool },
  address: string,
  argv: string[],
  timeoutMs: number,
): Promise<Record<string, unknown>> {
  const result = await deps.clientPool.getConnection(address).executeTask({ argv, timeoutMs });
  const answer = lastJson(result.stdout);
  if (result.exitCode === 0 && answer !== null) return answer;
  const error = answer?.error as { code?: ErrorCode; message?: string } | undefined;
  if (error?.code !== undefined) {
    const { code, message, ...detail } = error;
    throw new ClusterError(code, message ?? code, detail);
  }
  const ended = result.timedOut ? 'ran out of time' : (result.signal ?? `exit code ${result.exitCode}`);
  const tail = (result.stderr || result.stdout).trim().split('\n').slice(-5).join(' | ');
  // A verb that was killed with its daemon says nothing: look at the node before deciding anything.
  const code = result.signal !== null || result.timedOut ? 'unavailable' : 'internal';
  throw new ClusterError(code, `${argv.slice(1, 3).join(' ')}: ${ended}`, { seen: tail });
}

function lastJson(stdout: string): Record<string, unknown> | null {
  for (const line of stdout.trim().split('\n').toReversed()) {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    } catch {
      // Not the answer: a library's word on stdout.
    }
  }
  return null;
}
