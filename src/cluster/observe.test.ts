import { describe, expect, it } from 'vitest';
import type { ClientPool, NodeHealth } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { NodeInfo } from '../ports/membership.ts';
import { createObserver } from './observe.ts';

/** Two nodes; each answers after so many ms of a clock that only their answers move, or (null) not at all. */
function observerOf(
  answers: Record<string, (ask: number, nowMs: number) => { afterMs: number; healthy: boolean | null }>,
) {
  let nowMs = 0;
  const asked: Record<string, number> = {};
  const member = (nodeId: string) => ({ nodeId, address: nodeId, status: 'active', incarnation: 'i', heartbeatSeq: 1 });
  const clientPool = {
    getConnection: (nodeId: string) => ({
      healthCheck: async () => {
        asked[nodeId] = (asked[nodeId] ?? 0) + 1;
        const { afterMs, healthy } = (answers[nodeId] as (typeof answers)[string])(asked[nodeId], nowMs);
        await Promise.resolve();
        nowMs += afterMs;
        if (healthy === null) throw new Error(`${nodeId} did not answer`);
        return { healthy, incarnation: 'i' } as NodeHealth;
      },
    }),
    closeConnection: () => undefined,
  } as unknown as ClientPool;
  const observer = createObserver({
    membership: { getAllNodes: async () => Object.keys(answers).map((id) => member(id) as unknown as NodeInfo) },
    raft: {
      getPeers: async () => [],
      leadership: async () => ({ leader: 'n1', epoch: 1 }),
      isLeader: () => true,
    } as never,
    clientPool,
    clock: { nowMs: () => nowMs } as Clock,
    selfNodeId: 'n1',
    heartbeatMs: 500,
  });
  return { observer, asked };
}

describe('an observation', () => {
  it('asks each node once where all answer at once', async () => {
    const quick = () => ({ afterMs: 1, healthy: true });
    const { observer, asked } = observerOf({ n1: quick, n2: quick });
    const { nodes } = await observer.observe({});
    expect(nodes.map((one) => one.health?.healthy)).toEqual([true, true]);
    expect(asked).toEqual({ n1: 1, n2: 1 });
  });

  it('is of now, also when a node without power holds it up (P4, simulation seed 112471)', async () => {
    const { observer, asked } = observerOf({
      n1: () => ({ afterMs: 2_000, healthy: null }),
      n2: (ask) => ({ afterMs: 1, healthy: ask === 1 }),
    });
    const { nodes } = await observer.observe({});
    expect(nodes.map((one) => one.health?.healthy)).toEqual([undefined, false]);
    expect(asked).toEqual({ n1: 1, n2: 2 });
  });
});
