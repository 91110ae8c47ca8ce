import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyObservation, propertyRuns, propertyTimeoutMs } from '../../../test/scenarios/arbitraries.ts';
import { createNode, observe, releaseRef, versionOf, type World } from '../../../test/scenarios/world.ts';
import { defaultOptions } from './options.ts';
import { preflight } from './preflight.ts';
import type { PreflightInput } from './refusal.ts';

function world(): World {
  const voters = ['n3', 'n1', 'n2'].map((id) => createNode(id, 'voter', 'A'));
  const nothing = { foreignPeers: [], nowMs: 0, since: new Map<string, number>() };
  const nodes = [...voters, createNode('w1', 'worker', 'A')];
  return { nodes, self: 'n1', epoch: 1, raftLeader: 'n1', heartbeatMs: 1_000, ...nothing };
}

function input(change: (one: World) => void = () => {}, part: Partial<PreflightInput> = {}): PreflightInput {
  const one = world();
  change(one);
  const release = { version: versionOf('B'), sizeBytes: 1_000 };
  return {
    observation: observe(one),
    options: defaultOptions,
    release,
    running: null,
    quarantine: null,
    leader: 'n1',
    planHash: null,
    ...part,
  };
}

const hashOf = (change?: (one: World) => void, part?: Partial<PreflightInput>): string =>
  preflight(input(change, part)).planHash;
const node = (one: World, nodeId: string) =>
  one.nodes.find((each) => each.nodeId === nodeId) ?? createNode('?', 'voter', 'A');

describe('preflight', () => {
  it('plans followers that vote first, then workers, the leader last, whatever order they were seen in', () => {
    const plan = preflight(input());
    expect(plan.order.map((one) => one.nodeId)).toEqual(['n2', 'n3', 'w1', 'n1']);
    expect(plan.refusals).toEqual([]);
    expect(plan).toMatchObject({ voters: 3, healthyVoters: 3, quorum: 2, bytesAtMost: 4_000 });
    expect(plan.bestMs).toBeLessThan(plan.worstMs);
  });

  it('orders by code points, not by the locale of whichever host leads', () => {
    const plan = preflight(
      input((one) => one.nodes.push(createNode('n-1', 'voter', 'A'), createNode('n10', 'voter', 'A'))),
    );
    expect(plan.order.map((one) => one.nodeId)).toEqual(['n-1', 'n10', 'n2', 'n3', 'w1', 'n1']);
  });

  it('refuses a build that needs more of a node than it has, and names the release in between (P11)', () => {
    const version = { ...versionOf('B'), needs: { protocol: 2, through: '0.2.0' } };
    const plan = preflight(input(() => {}, { release: { version, sizeBytes: 1_000 } }));
    expect(plan.refusals.map(({ code, nodeId }) => `${nodeId}: ${code}`).toSorted()).toEqual(
      ['n1', 'n2', 'n3', 'w1'].map((nodeId) => `${nodeId}: needs`),
    );
    expect(plan.refusals[0]?.next).toContain('update to 0.2.0 first');
  });

  it('names a status that only a newer build knows, and does not take the node for one in service (P11)', () => {
    const { observation, ...rest } = input();
    const nodes = observation.nodes.map((each) =>
      each.nodeId === 'n2' ? { ...each, status: 'warming-up' as typeof each.status } : each,
    );
    expect(preflight({ ...rest, observation: { ...observation, nodes } }).refusals).toMatchObject([
      { code: 'node-draining', nodeId: 'n2', seen: expect.stringContaining('"warming-up"'), wanted: 'active' },
    ]);
  });

  it('never throws, and says in every refusal what was seen, wanted, and what to do (P8)', {
    timeout: propertyTimeoutMs,
  }, () => {
    fc.assert(
      fc.property(anyObservation, fc.boolean(), (observation, acceptDowntime) => {
        const options = { ...defaultOptions, acceptDowntime };
        for (const { seen, wanted, next } of preflight({ ...input(), observation, options }).refusals) {
          for (const text of [seen, wanted, next]) expect(text).not.toBe('');
        }
      }),
      propertyRuns,
    );
  });

  it('lets an update begin only where every voter can be taken away with the quorum standing (P1)', {
    timeout: propertyTimeoutMs,
  }, () => {
    fc.assert(
      fc.property(anyObservation, (observation) => {
        if (preflight({ ...input(), observation }).refusals.length > 0) return;
        const all = observation.peers.filter((peer) => peer.kind === 'voter');
        const healthy = all.filter((peer) => peer.healthy);
        const turns = observation.nodes.filter((one) => one.health?.release.buildHash !== 'B');
        if (turns.some((one) => all.some((peer) => peer.nodeId === one.nodeId))) {
          expect(healthy.length - 1).toBeGreaterThanOrEqual(Math.floor(all.length / 2));
        }
      }),
      propertyRuns,
    );
  });

  it('counts what a node keeps free for its store, where the node tells: as its own refusal would', () => {
    const kept = input();
    const health = kept.observation.nodes.find((one) => one.nodeId === 'n2')?.health;
    if (!health) throw new Error('n2 has no health');
    Object.assign(health, { diskFreeBytes: 51_199, diskReserveBytes: 50_000 });
    expect(preflight(kept).refusals).toMatchObject([
      { code: 'disk', nodeId: 'n2', wanted: '51200 bytes, of which 50000 stay free (diskReserveBytes)' },
    ]);
    health.diskFreeBytes = 51_200;
    expect(preflight(kept).refusals).toEqual([]);
  });

  it('says nothing of a node that only some would have to be told about: those at the target need no room', () => {
    const full = (one: World): void => {
      node(one, 'n2').diskFreeBytes = 0;
    };
    expect(preflight(input(full)).refusals.map((one) => [one.code, one.nodeId])).toEqual([['disk', 'n2']]);
    const there = (one: World): void => {
      full(one);
      node(one, 'n2').staged.push('B');
    };
    expect(preflight(input(there)).refusals).toEqual([]);
  });

  it('refuses a node that could not end a failed trial, and says why (P3)', () => {
    const seen = input();
    const nodes = seen.observation.nodes.map((one) =>
      one.nodeId === 'n2' && one.health ? { ...one, health: { ...one.health, wayBack: 'no service manager' } } : one,
    );
    const { refusals } = preflight({ ...seen, observation: { ...seen.observation, nodes } });
    expect(refusals).toMatchObject([{ code: 'no-way-back', nodeId: 'n2', seen: 'no service manager' }]);
  });

  it('accepts downtime for one or two voters, never for three', () => {
    const options = { ...defaultOptions, acceptDowntime: true };
    const codes = (change: (one: World) => void) =>
      preflight(input(change, { options })).refusals.map((one) => one.code);
    expect(codes((one) => one.nodes.splice(0, 1))).toEqual([]);
    expect(
      codes((one) => {
        node(one, 'n3').raft.healthy = false;
      }),
    ).toEqual(['quorum-unsafe']);
  });
});

describe("a plan's hash", () => {
  it.each<[string, (one: World) => void]>([
    ['the order in which nodes were seen', (one) => void one.nodes.reverse()],
    [
      'how long ago a node was seen',
      (one) => {
        node(one, 'n2').lastSeenMsAgo = 1_900;
      },
    ],
    [
      'free disk',
      (one) => {
        node(one, 'n2').diskFreeBytes -= 1_000_000;
      },
    ],
    [
      'running tasks',
      (one) => {
        node(one, 'n2').tasks = 3;
      },
    ],
    [
      'a small lag',
      (one) => {
        node(one, 'n3').raft.lag = 7;
      },
    ],
    [
      'heartbeats',
      (one) => {
        node(one, 'n3').beatingMs = 0;
      },
    ],
    [
      'a restart',
      (one) => {
        node(one, 'n3').starts += 1;
      },
    ],
    [
      'where the Raft leader is',
      (one) => {
        one.raftLeader = 'n3';
      },
    ],
    ['what was waited for', (one) => void one.since.set('gate:n2', 1)],
    [
      'the epoch',
      (one) => {
        one.epoch = 9;
      },
    ],
  ])('does not depend on %s', (_name, change) => {
    expect(hashOf(change)).toBe(hashOf());
  });

  it.each<[string, (one: World) => void]>([
    ['a node that came', (one) => void one.nodes.push(createNode('w2', 'worker', 'A'))],
    ['a node that went', (one) => void one.nodes.pop()],
    [
      'another release on a node',
      (one) => {
        node(one, 'n2').runs = 'Z';
      },
    ],
    [
      'a node that is there already',
      (one) => {
        node(one, 'n2').runs = 'B';
      },
    ],
    [
      'another role',
      (one) => {
        node(one, 'n2').role = 'worker';
      },
    ],
    [
      'another leader, for the order is another',
      (one) => {
        one.self = 'n2';
      },
    ],
    [
      'another number of Raft voters',
      (one) => {
        node(one, 'n3').raft.member = 'none';
      },
    ],
  ])('depends on %s', (_name, change) => {
    expect(hashOf(change)).not.toBe(hashOf());
  });

  it('depends on the target, and not on how it is described', () => {
    const other = { version: versionOf('C'), sizeBytes: 1_000 };
    const described = { version: { ...versionOf('B'), builtAt: '2027-01-01T00:00:00Z' }, sizeBytes: 2_000 };
    expect(hashOf(undefined, { release: other })).not.toBe(hashOf());
    expect(hashOf(undefined, { release: described })).toBe(hashOf());
  });

  it.each(Object.keys(defaultOptions) as (keyof typeof defaultOptions)[])('depends on the option %s', (name) => {
    const was = defaultOptions[name];
    const other =
      typeof was === 'boolean' ? !was : typeof was === 'number' ? 77 : Array.isArray(was) ? ['n2'] : 'revert';
    expect(hashOf(undefined, { options: { ...defaultOptions, [name]: other } })).not.toBe(hashOf());
  });

  it('does not depend on the order in which options were given', () => {
    const reversed = Object.fromEntries(Object.entries(defaultOptions).reverse()) as unknown as typeof defaultOptions;
    expect(hashOf(undefined, { options: reversed })).toBe(hashOf());
  });

  it('is asked for by its beginning; another one is refused, and seen and wanted show where they differ', () => {
    const whole = hashOf();
    for (const planHash of [whole.slice(0, 8), whole.slice(0, 30), whole]) {
      expect(preflight(input(() => {}, { planHash })).refusals).toEqual([]);
    }
    const other = `${whole.slice(0, 40)}${whole[40] === '0' ? '1' : '0'}`;
    const [refused] = preflight(input(() => {}, { planHash: other })).refusals;
    expect(refused).toMatchObject({ code: 'plan-changed', wanted: `plan ${other}` });
    expect(refused?.seen).toBe(`plan ${whole.slice(0, 41)}`);
  });

  it('is of the release that a node answers with, not of what its record last said', () => {
    const silent = input();
    const [first] = silent.observation.nodes;
    if (first !== undefined) first.release = releaseRef('Z');
    expect(preflight(silent).planHash).toBe(hashOf());
  });
});
