import { describe, expect, it } from 'vitest';
import { createNode, observe, restart, type World } from '../../../test/scenarios/world.ts';
import type { NodeObservation } from './observation.ts';
import { judgeStability, type Stability } from './stability.ts';

const options = { heartbeats: 3, maxLagEntries: 1_000 };
const incarnation = 'n2#2';

/** n2 restarted on A, well, with as many heartbeats. */
function judge(
  change: (node: NodeObservation) => NodeObservation,
  withPeer: 'healthy' | 'sick' | 'none' = 'healthy',
): Stability {
  const node = createNode('n2', 'voter', 'A');
  restart(node);
  node.beatingMs = 3_000;
  if (withPeer === 'sick') node.raft = { ...node.raft, healthy: false, reason: 'NOSPACE' };
  const nothing = { foreignPeers: [], nowMs: 0, since: new Map<string, number>() };
  const world: World = { nodes: [node], self: 'n1', epoch: 1, raftLeader: 'n1', heartbeatMs: 1_000, ...nothing };
  const { nodes, peers } = observe(world);
  const [seen] = nodes;
  if (seen === undefined) throw new Error('no node');
  return judgeStability(change(seen), withPeer === 'none' ? undefined : peers[0], incarnation, 'A', options);
}

const withHealth =
  (part: object) =>
  (node: NodeObservation): NodeObservation =>
    node.health === null ? node : { ...node, health: { ...node.health, ...part } };

describe('stability (P4)', () => {
  it('is three heartbeats of one healthy incarnation that is caught up', () => {
    expect(judge((node) => node)).toEqual({ stable: true });
    expect(judge((node) => ({ ...node, lag: 1_000 }))).toEqual({ stable: true });
  });

  it.each<[string, (node: NodeObservation) => NodeObservation, string, RegExp]>([
    ['two heartbeats only', (node) => ({ ...node, heartbeats: 2 }), 'stability', /heartbeat 2 of 3/],
    ['no answer', (node) => ({ ...node, health: null, healthError: 'refused' }), 'stability', /no answer: refused/],
    ['another incarnation', withHealth({ incarnation: 'n2#3' }), 'stability', /n2#3 in place of n2#2/],
    ['another release', withHealth({ release: { buildHash: 'C', version: '', gitCommit: '' } }), 'stability', /runs C/],
    ['not healthy', withHealth({ healthy: false, reasons: ['no leader'] }), 'health', /no leader/],
    ['not healthy, and silent about it', withHealth({ healthy: false, reasons: [] }), 'health', /no reason given/],
    ['offline in the membership', (node) => ({ ...node, status: 'offline' }), 'join', /offline/],
    ['draining in the membership', (node) => ({ ...node, status: 'draining' }), 'join', /draining/],
    ['a lag over the bound', (node) => ({ ...node, lag: 1_001 }), 'join', /1001 Raft entries behind/],
    ['an unknown lag', (node) => ({ ...node, lag: null }), 'join', /unknown/],
  ])('is not: %s', (_name, change, kind, seen) => {
    const verdict = judge(change);
    expect(verdict).toMatchObject({ stable: false, kind });
    if (!verdict.stable) expect(verdict.seen).toMatch(seen);
  });

  it('is not: a Raft member that is not healthy', () => {
    expect(judge((node) => node, 'sick')).toMatchObject({
      stable: false,
      kind: 'join',
      seen: expect.stringContaining('NOSPACE'),
    });
  });

  it('needs no Raft member of a worker', () => {
    expect(judge((node) => ({ ...node, role: 'worker', lag: null }), 'none')).toEqual({ stable: true });
  });
});
