import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyObservation, propertyRuns, propertyTimeoutMs } from '../../../test/scenarios/arbitraries.ts';
import { createNode, observe, type World } from '../../../test/scenarios/world.ts';
import { describeQuorum, quorumWithout } from './quorum.ts';

function clusterOf(size: number): World {
  const nodes = Array.from({ length: size }, (_, at) => createNode(`n${at + 1}`, 'voter', 'A'));
  const nothing = { foreignPeers: [], nowMs: 0, since: new Map<string, number>() };
  return { nodes, self: 'n1', epoch: 1, raftLeader: 'n1', heartbeatMs: 1_000, ...nothing };
}

describe('quorum', () => {
  it.each([
    [1, 1, false],
    [2, 2, false],
    [3, 2, true],
    [4, 3, true],
    [5, 3, true],
    [7, 4, true],
  ])('of %i voters is %i; losing one of all healthy ones is safe: %s', (size, quorum, safe) => {
    const view = quorumWithout(observe(clusterOf(size)), 'n1');
    expect(view).toMatchObject({ voters: size, quorum, safe, healthyOthers: size - 1 });
  });

  it('counts against the full membership: the dead do not make it smaller', () => {
    const world = clusterOf(5);
    for (const node of world.nodes.slice(3)) node.raft.healthy = false;
    expect(quorumWithout(observe(world), 'n1')).toMatchObject({ voters: 5, quorum: 3, healthyOthers: 2, safe: false });
    expect(quorumWithout(observe(world), null)).toMatchObject({ healthyOthers: 3, safe: true });
  });

  it('does not count a voter whose node is offline, even if its member still answers', () => {
    const world = clusterOf(3);
    for (const node of world.nodes.slice(2)) node.status = 'offline';
    const view = quorumWithout(observe(world), 'n2');
    expect(view).toMatchObject({ safe: false, missing: ['n3: offline'] });
    expect(describeQuorum(view, 'n2')).toBe('1 of 3 voters healthy without n2, quorum 2 (n3: offline)');
  });

  it('does not count learners', () => {
    const world = clusterOf(4);
    for (const node of world.nodes.slice(3)) node.raft.member = 'learner';
    expect(quorumWithout(observe(world), null)).toMatchObject({ voters: 3, quorum: 2, healthyOthers: 3 });
  });

  it('is never safe without more than half of all voters healthy beside the one that leaves', {
    timeout: propertyTimeoutMs,
  }, () => {
    fc.assert(
      fc.property(anyObservation, fc.constantFrom('n1', 'n2', 'n3', null), (observation, nodeId) => {
        const view = quorumWithout(observation, nodeId);
        const others = observation.peers.filter(
          (peer) => peer.kind === 'voter' && peer.healthy && peer.nodeId !== nodeId,
        );
        if (view.safe) expect(others.length * 2).toBeGreaterThan(view.voters);
        const leaves = observation.peers.some((peer) => peer.kind === 'voter' && peer.nodeId === nodeId) ? 1 : 0;
        expect(view.healthyOthers + view.missing.length + leaves).toBe(view.voters);
      }),
      propertyRuns,
    );
  });
});
