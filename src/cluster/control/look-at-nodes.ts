/** Every node's own answer, for people who ask how the cluster is. The leader's eyes are ../look-afresh.ts. */
import { asClusterError } from '../../errors.ts';
import type { ClientPool, NodeHealth } from '../../ports/agent.ts';

/** One look at one node, ms: for people, who wait for it. */
const lookTimeoutMs = 1_500;

export interface NodeLook {
  health: NodeHealth | null;
  /** Why there was no answer. */
  error: string;
}

/** All at once, in the order of the addresses. Never throws. */
export function lookAtNodes(clientPool: ClientPool, nodes: { address: string }[]): Promise<NodeLook[]> {
  return Promise.all(
    nodes.map(async ({ address }) => {
      try {
        return { health: await clientPool.getConnection(address).healthCheck(lookTimeoutMs), error: '' };
      } catch (thrown) {
        return { health: null, error: asClusterError(thrown).message };
      }
    }),
  );
}
