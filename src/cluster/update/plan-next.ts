/** The next node: what must hold before it is taken out of service (P1), and who takes over from a leader. */
import type { RaftPeer } from '../../ports/raft.ts';
import { describePeers, findNode, lacksRaftMember, noAnswer, reasonsOf, waited } from './facts.ts';
import type { Observation } from './observation.ts';
import { describeQuorum, quorumWithout } from './quorum.ts';
import type { NodeTask, UpdateRecord } from './record.ts';
import type { Step } from './step.ts';
import { failStep, waitFor } from './steps.ts';

/** A try that ended longer ago than this, ms, says nothing about now. */
const lastTryMs = 5_000;

export function planNext(observation: Observation, record: UpdateRecord, task: NodeTask): Step {
  const closed = gateBefore(observation, record, task);
  if (closed !== null) {
    const key = `gate:${task.nodeId}`;
    if (waited(observation, key) < record.options.gateTimeoutMs) {
      return waitFor(observation, key, task.nodeId, closed.what, closed.seen, record.options.gateTimeoutMs);
    }
    return failStep(task, 'quorum', closed.seen, closed.what, 'mend what is named, then start the update again', []);
  }
  const limit = record.options.gateTimeoutMs;
  const heir = chooseHeir(observation, record, task.nodeId);
  const leads = task.nodeId === observation.self || task.nodeId === observation.raftLeader;
  const voters = observation.peers.filter((peer) => peer.kind === 'voter').length;
  if (leads && heir === null && voters > 2 && waited(observation, `heir:${task.nodeId}`) < limit) {
    // One slow look must not cost the hand-over.
    const what = `a voter that can take over from ${task.nodeId}`;
    return waitFor(observation, `heir:${task.nodeId}`, task.nodeId, what, 'none is healthy and caught up', limit);
  }
  if (task.nodeId === observation.self) {
    if (heir !== null && triesAgain(observation, `handOver:${heir}`, limit)) return { kind: 'handOver', to: heir };
    // No one to hand over to: so switch and restart locally, under the same guard.
  } else if (observation.raftLeader === task.nodeId) {
    if (heir !== null && triesAgain(observation, `moveRaftLeader:${heir}`, limit)) {
      return { kind: 'moveRaftLeader', from: task.nodeId, to: heir };
    }
    if (heir !== null) {
      return failStep(
        task,
        'quorum',
        `the Raft leader stayed on ${task.nodeId}`,
        `it to move to ${heir}`,
        'see etcd.log on both nodes',
        [],
      );
    }
  }
  return { kind: 'drain', nodeId: task.nodeId, address: task.address };
}

/** For `limitMs`, and once more when the last try was long ago: nothing was tried while the store did not answer. */
function triesAgain(observation: Observation, step: string, limitMs: number): boolean {
  return waited(observation, `first:${step}`) < limitMs || waited(observation, `last:${step}`) > lastTryMs;
}

/** What keeps this node from being taken out of service now; null: nothing. */
export function gateBefore(
  observation: Observation,
  record: UpdateRecord,
  task: NodeTask,
): { what: string; seen: string } | null {
  const node = findNode(observation, task.nodeId);
  if (node?.health == null) {
    return { what: `${task.nodeId} to answer`, seen: noAnswer(node) };
  }
  if (node.health.trial !== null && node.health.trial.updateId !== record.id) {
    return { what: `${task.nodeId} to end its other trial`, seen: `on trial for ${node.health.trial.updateId}` };
  }
  if (task.direction === 'forward' && !node.health.healthy) {
    // As in preflight: what it lacks now would be taken for the new build's fault. On the way back the sick come first.
    return { what: `${task.nodeId} to be healthy before its turn`, seen: reasonsOf(node.health) };
  }
  // A node already updated that is no longer well stops the walk before it goes on. The way back does not wait for
  // the build that it leaves: there only those that went back before count.
  const sick = record.tasks
    .filter((other) => other.phase === 'committed' && other.direction === task.direction)
    .filter((other) => other.nodeId !== task.nodeId)
    .map((other) => findNode(observation, other.nodeId))
    .find((other) => other !== undefined && other.health?.healthy !== true);
  if (sick !== undefined) {
    const why = sick.health === null ? noAnswer(sick) : reasonsOf(sick.health);
    return { what: `${sick.nodeId}, updated before, to be healthy again`, seen: why };
  }
  if (!observation.peers.some((peer) => peer.nodeId === task.nodeId)) {
    if (!lacksRaftMember(observation, task)) return null;
    return { what: `the Raft member of ${task.nodeId}`, seen: describePeers(observation) };
  }
  if (observation.raftLeader === null) return { what: 'a Raft leader', seen: 'no Raft leader' };
  const view = quorumWithout(observation, task.nodeId);
  if (!view.safe && !(record.options.acceptDowntime && view.voters < 3)) {
    return { what: `the quorum to be safe without ${task.nodeId}`, seen: describeQuorum(view, task.nodeId) }; // P1
  }
  const behind = observation.nodes.find(
    (other) => other.nodeId !== task.nodeId && other.lag !== null && other.lag > record.options.maxLagEntries,
  );
  if (behind !== undefined) {
    return { what: `${behind.nodeId} to catch up`, seen: `${behind.lag} Raft entries behind the leader` };
  }
  return null;
}

/** A voter that can take over from `leaving`: healthy, caught up; one that already runs the target before others. */
function chooseHeir(observation: Observation, record: UpdateRecord, leaving: string): string | null {
  const able = observation.peers.filter((peer) => {
    const node = findNode(observation, peer.nodeId);
    return (
      peer.nodeId !== leaving &&
      peer.kind === 'voter' &&
      peer.healthy &&
      node?.health?.healthy === true &&
      node.status === 'active' &&
      node.lag !== null &&
      node.lag <= record.options.maxLagEntries
    );
  });
  const isThere = (peer: RaftPeer): boolean => {
    const task = record.tasks.findLast((one) => one.nodeId === peer.nodeId);
    return task === undefined || task.phase === 'committed' || task.phase === 'skipped';
  };
  // Where the Raft leader is already, nothing moves: prefer it among equals.
  const byUse = (one: RaftPeer): number => (isThere(one) ? 0 : 2) + (one.isRaftLeader ? 0 : 1);
  return able.sort((one, two) => byUse(one) - byUse(two) || (one.nodeId < two.nodeId ? -1 : 1))[0]?.nodeId ?? null;
}
