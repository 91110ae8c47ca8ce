import { describe, expect, it } from 'vitest';
import { createNode, observe, type World } from '../../../test/scenarios/world.ts';
import type { ReleaseNeeds, VersionInfo } from '../../ports/releases.ts';
import { lowestProtocol, refuseNeeds } from './needs.ts';
import type { NodeObservation } from './observation.ts';

const world: World = {
  nodes: ['n1', 'n2', 'n3'].map((id) => createNode(id, 'voter', 'A')),
  self: 'n1',
  epoch: 1,
  raftLeader: 'n1',
  heartbeatMs: 1_000,
  foreignPeers: [],
  nowMs: 0,
  since: new Map(),
};

/** The nodes of the world, each on a version of its own and away or not. */
function nodes(versions: Record<string, string | null>, change: Partial<NodeObservation> = {}): NodeObservation[] {
  return observe(world).nodes.map((node) => {
    const version = versions[node.nodeId] ?? null;
    const release = version === null ? null : { buildHash: `build of ${version}`, version, gitCommit: '' };
    return { ...node, protocol: { min: 1, max: 1 }, release, health: null, status: 'offline', ...change };
  });
}

const target = (needs?: ReleaseNeeds): VersionInfo => ({
  buildHash: 'b'.repeat(64),
  builtAt: '2026-01-01T00:00:00Z',
  gitCommit: 'abc',
  version: '0.4.0',
  protocol: { min: 1, max: 4 },
  node: '*',
  ...(needs === undefined ? {} : { needs }),
});

const old = { n1: '0.2.0', n2: '0.1.0', n3: '0.3.0' };

describe('what a build needs of the others (P11)', () => {
  it('is nothing where it says nothing', () => {
    expect(refuseNeeds(nodes(old), target())).toEqual([]);
    expect(refuseNeeds(nodes(old), target({}))).toEqual([]);
  });

  it('is a version that it can follow: a node on another one is named with the hop in between', () => {
    expect(refuseNeeds(nodes(old), target({ from: '>=0.2.0 <0.5.0', through: '0.3.0' }))).toEqual([
      {
        code: 'needs',
        nodeId: 'n2',
        seen: 'runs 0.1.0',
        wanted: '>=0.2.0 <0.5.0, which 0.4.0 can follow',
        next: 'update to 0.3.0 first, and then to 0.4.0',
      },
    ]);
    const [unnamed] = refuseNeeds(nodes(old), target({ from: '>=0.2.0' }));
    expect(unnamed?.next).toBe('update to a version in >=0.2.0 first, and then to 0.4.0');
  });

  it('is a protocol that every node must speak, those that are away too', () => {
    const behind = nodes(old).map((node) => (node.nodeId === 'n3' ? node : { ...node, protocol: { min: 1, max: 2 } }));
    expect(refuseNeeds(behind, target({ protocol: 2 }))).toMatchObject([
      { nodeId: 'n3', seen: 'speaks protocol 1-1', wanted: 'protocol 2, which 0.4.0 needs of every node' },
    ]);
    expect(refuseNeeds(behind, target({ protocol: 1 }))).toEqual([]);
  });

  it('is not taken for granted of a node that never told', () => {
    const silent = nodes({ n1: '0.3.0', n2: null, n3: '0.3.0' }, { protocol: { min: 0, max: 0 } });
    const found = refuseNeeds(silent, target({ from: '>=0.3.0', protocol: 1 }));
    expect(found.map(({ nodeId, seen }) => [nodeId, seen])).toContainEqual([
      'n2',
      'it never told which version it runs',
    ]);
    expect(found.filter(({ seen }) => seen.includes('protocol'))).toHaveLength(3);
  });

  it('does not ask a node that waits for its approval, nor one that runs the build', () => {
    const waiting = nodes(old).map((node): NodeObservation => {
      if (node.nodeId === 'n2') return { ...node, status: 'pending_approval' };
      return { ...node, release: { buildHash: 'b'.repeat(64), version: '0.0.1', gitCommit: '' } };
    });
    expect(refuseNeeds(waiting, target({ from: '>=0.4.0' }))).toEqual([]);
  });

  it('may be something that only a newer leader can judge: then the update is refused, not the need ignored', () => {
    const needs = { etcd: '>=3.5', through: '0.3.0' } as ReleaseNeeds;
    expect(refuseNeeds(nodes(old), target(needs))).toMatchObject([
      { code: 'needs', nodeId: null, seen: expect.stringContaining('etcd'), next: expect.stringContaining('0.3.0') },
    ]);
  });
});

describe('the lowest protocol', () => {
  it('is that of the member that speaks least, and 0 where one never told or there is none', () => {
    const speaks = (...most: number[]) => most.map((max) => ({ protocol: { min: Math.min(1, max), max } }));
    expect(lowestProtocol(speaks(3, 2, 4))).toBe(2);
    expect(lowestProtocol(speaks(3, 0))).toBe(0);
    expect(lowestProtocol([])).toBe(0);
  });
});
