/** Waiting until every node of a local cluster is healthy. */
import type { ClusterStatus } from '../../cluster/control/status.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import type { Context } from '../../front/context.ts';
import { formatDuration } from '../../front/duration.ts';
import { type DevCluster, devPaths } from './layout.ts';
import type { Supervised } from './processes.ts';

const pollMs = 200;

export interface HealthyWait {
  dir: string;
  healthyWithinMs: number;
  /** Ends the waiting. */
  signal: AbortSignal;
}

/** Throws ClusterError 'unavailable' when time is over, or when a supervisor of `started` has ended. */
export async function untilHealthy(
  ctx: Context,
  cluster: DevCluster,
  started: Supervised[],
  request: HealthyWait,
): Promise<void> {
  const session = await ctx.connect(devPaths(request.dir).config);
  const until = ctx.clock.nowMs() + request.healthyWithinMs;
  let seen = 'no node answers yet';
  try {
    for (;;) {
      if (request.signal.aborted)
        throw new ClusterError('unavailable', 'interrupted before every node was healthy', { seen });
      const ended = started.find((each) => each.ended !== null);
      if (ended) {
        throw new ClusterError('unavailable', `the supervisor of ${ended.nodeId} ended`, {
          nodeId: ended.nodeId,
          seen: ended.ended ?? '',
          wanted: 'a supervisor that stays',
          next: 'see its log above',
        });
      }
      const status = await session.control.status().catch((thrown: unknown) => asClusterError(thrown));
      seen = status instanceof ClusterError ? status.message : missing(cluster, status);
      if (seen === '') return;
      if (ctx.clock.nowMs() >= until) {
        throw new ClusterError(
          'unavailable',
          `not every node was healthy within ${formatDuration(request.healthyWithinMs)}`,
          {
            seen,
            wanted: `${cluster.nodes.length} healthy nodes and a leader`,
            next: 'the ends of the logs are above; everything that was started is stopped again',
          },
        );
      }
      await ctx.clock.sleep(pollMs, request.signal);
    }
  } finally {
    await session.close();
  }
}

/** What is still missing, in words; '' when nothing is. */
export function missing(cluster: DevCluster, status: ClusterStatus): string {
  if (status.cluster.leader === null) return 'no leader yet';
  if (status.cluster.healthyVoters < status.cluster.voters) return `${status.cluster.healthyVoters} healthy voters`;
  const waiting = cluster.nodes.flatMap(({ nodeId }) => {
    const node = status.nodes.find((each) => each.nodeId === nodeId);
    if (!node) return [`${nodeId} is not known yet`];
    if (node.healthy && node.status === 'active') return [];
    return [`${nodeId} is ${node.status}${node.reasons.length > 0 ? `: ${node.reasons.join(', ')}` : ''}`];
  });
  return waiting.join('; ');
}
