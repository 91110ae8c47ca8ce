/** The status of the cluster, from the replicated store and from each node's own answer. */
import { asClusterError, ClusterError } from '../../errors.ts';
import type { ClientPool } from '../../ports/agent.ts';
import type { Membership } from '../../ports/membership.ts';
import type { Raft } from '../../ports/raft.ts';
import type { Journal } from '../journal/journal.ts';
import { quorumWithout } from '../update/quorum.ts';
import { lookAtNodes } from './look-at-nodes.ts';
import type { ClusterStatus, NodeStatusView } from './status.ts';

interface StatusDeps {
  clusterId: string;
  journal: Journal;
  membership: Membership;
  raft: Raft;
  clientPool: ClientPool;
}

/** Throws ClusterError 'unavailable'. */
export async function readStatus(deps: StatusDeps): Promise<ClusterStatus> {
  const [infos, peers, term, leadership, update, release, byHand] = await Promise.all([
    deps.membership.getAllNodes(),
    deps.raft.getPeers(),
    deps.raft.term(),
    deps.raft.leadership(),
    deps.journal.current().catch(problemOf),
    deps.journal.committedRelease(),
    deps.journal.byHand(),
  ]);
  const looks = await lookAtNodes(deps.clientPool, infos);
  const nodes = infos.map((info, at): NodeStatusView => {
    const { health, error } = looks[at] ?? { health: null, error: 'not looked at' };
    return {
      nodeId: info.nodeId,
      role: info.role,
      status: info.status,
      address: info.address,
      release: health?.release ?? info.release,
      trial: health?.trial ?? null,
      incarnation: health?.incarnation ?? info.incarnation,
      lastSeenMsAgo: info.lastSeenMsAgo,
      healthy: health?.healthy ?? false,
      reasons: health?.reasons ?? [`no answer: ${error}`],
    };
  });
  const quorum = quorumWithout({ peers, nodes: infos }, null);
  return {
    cluster: {
      id: deps.clusterId,
      leader: leadership.leader,
      epoch: leadership.epoch,
      raftLeader: peers.find((peer) => peer.isRaftLeader)?.nodeId ?? null,
      term,
      voters: quorum.voters,
      healthyVoters: quorum.healthyOthers,
      quorum: quorum.quorum,
    },
    nodes,
    ...(update instanceof ClusterError ? { update: null, updateProblem: update.toJSON() } : { update }),
    ...(byHand === null ? {} : { byHand: { nodeId: byHand.nodeId, updateId: byHand.updateId, at: byHand.at } }),
    release: release?.buildHash ?? null,
  };
}

/** A record that cannot be read hides nothing else: it is shown, with what to do. */
function problemOf(thrown: unknown): ClusterError {
  const error = asClusterError(thrown);
  if (error.code !== 'operator-needed') throw error;
  return error;
}
