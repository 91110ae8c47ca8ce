/** Generators for fast-check: observations from plausible to hostile, and records that our own moves can lead to. */
import fc from 'fast-check';
import type { Failure } from '../../src/cluster/update/failure.ts';
import { newRecord } from '../../src/cluster/update/new-record.ts';
import type { NodeObservation, Observation } from '../../src/cluster/update/observation.ts';
import { defaultOptions, type UpdateOptions } from '../../src/cluster/update/options.ts';
import type { NodeTask, UpdateRecord } from '../../src/cluster/update/record.ts';
import { inFlightPhases, type TaskPhase } from '../../src/cluster/update/states.ts';
import type { NodeHealth, RollbackView, TrialView } from '../../src/ports/agent.ts';
import type { RaftPeer } from '../../src/ports/raft.ts';
import { releaseRef, versionOf } from './world.ts';

export const updateId = 'u-20260217143000-1';
const ids = ['n1', 'n2', 'n3', 'n4', 'n5', 'w1', 'w2'] as const;
/** As many as there are, and one that no observation knows. */
const anyId = fc.constantFrom(...ids, 'stranger');
const hash = fc.constantFrom('A', 'B', 'C');
const incarnation = fc.constantFrom('i1', 'i2', 'i3', '');
const ms = fc.oneof(fc.constantFrom(0, 1, 9_999, 10_000, 60_000, 1e9), fc.nat(200_000));
const words = fc.constantFrom('', 'connection refused', 'etcd: no leader');

const trial: fc.Arbitrary<TrialView> = fc.record({
  updateId: fc.constantFrom(updateId, 'u-other'),
  release: hash,
  knownGood: hash,
  epoch: fc.nat(5),
  switched: fc.boolean(),
  bootsUsed: fc.nat(3),
  bootsMax: fc.constant(3),
  healthyInMs: fc.option(ms),
  commitInMs: ms,
});

const rollback: fc.Arbitrary<RollbackView> = fc.record({
  updateId: fc.constantFrom(updateId, 'u-other'),
  release: hash,
  knownGood: hash,
  cause: fc.constantFrom(
    'boots',
    'healthy-deadline',
    'commit-deadline',
    'leader',
    'operator',
    'trial-unreadable',
    'new one',
  ),
  why: words,
  exitCode: fc.option(fc.nat(255)),
  signal: fc.option(fc.constant('SIGKILL')),
  logTail: fc.array(words, { maxLength: 2 }),
  at: fc.constant(''),
});

const healthOf = (nodeId: string): fc.Arbitrary<NodeHealth> =>
  fc.record({
    nodeId: fc.constant(nodeId),
    service: fc.constant('claudecluster'),
    incarnation,
    healthy: fc.boolean(),
    reasons: fc.array(words, { maxLength: 2 }),
    release: hash.map(releaseRef),
    installed: hash,
    trial: fc.option(trial),
    lastRollback: fc.option(rollback),
    staged: fc.uniqueArray(hash),
    epoch: fc.nat(5),
    appliedIndex: fc.option(fc.nat()),
    draining: fc.boolean(),
    runningTasks: fc.nat(2),
    diskFreeBytes: fc.nat(),
    heartbeatMs: fc.constant(1_000),
  });

const nodeOf = (nodeId: string): fc.Arbitrary<NodeObservation> =>
  fc.record({
    nodeId: fc.constant(nodeId),
    address: fc.constant(`${nodeId}:7070`),
    role: fc.constantFrom(nodeId.startsWith('w') ? 'worker' : 'voter', 'voter'),
    status: fc.constantFrom('active', 'active', 'active', 'draining', 'offline', 'pending_approval'),
    lastSeenMsAgo: fc.option(ms),
    protocol: fc.constant({ min: 1, max: 1 }),
    release: fc.option(hash.map(releaseRef)),
    health: fc.option(healthOf(nodeId), { freq: 5 }),
    healthError: words,
    heartbeats: fc.nat(5),
    lag: fc.option(fc.constantFrom(0, 5, 1_000, 1_001, 9_999), { freq: 5 }),
    lagStandsStillMs: fc.option(ms),
  });

const peerOf = (nodeId: string): fc.Arbitrary<RaftPeer> =>
  fc.record({
    nodeId: fc.constant(nodeId),
    memberId: fc.constant(`m-${nodeId}`),
    kind: fc.constantFrom('voter', 'voter', 'voter', 'learner'),
    healthy: fc.boolean(),
    appliedIndex: fc.option(fc.nat()),
    isRaftLeader: fc.boolean(),
    reason: words,
  });

const waitKeys = ['gate', 'drain', 'held', 'health', 'stable', 'rollback'].flatMap((kind) =>
  ids.map((id) => `${kind}:${id}`),
);
const doneKeys = ['drain', 'activate', 'commit', 'rollback', 'handOver', 'moveRaftLeader'].flatMap((kind) =>
  ids.flatMap((id) => [`first:${kind}:${id}`, `last:${kind}:${id}`]),
);

/** A cluster that is well, but for the place of each node in the walk: most steps forward need one. */
const likelyNode = (nodeId: string): fc.Arbitrary<NodeObservation> =>
  fc.record({ node: nodeOf(nodeId), health: healthOf(nodeId), ours: fc.boolean() }).map(({ node, health, ours }) => {
    const trialOfOurs = health.trial === null ? null : { ...health.trial, updateId, release: health.installed };
    return {
      ...node,
      role: nodeId.startsWith('w') ? 'worker' : 'voter',
      status: 'active',
      health: { ...health, healthy: true, reasons: [], trial: ours ? trialOfOurs : null, lastRollback: null },
      heartbeats: node.heartbeats + 2,
      lag: nodeId.startsWith('w') ? null : 0,
    };
  });

const likelyObservation: fc.Arbitrary<Observation> = fc.record({
  self: fc.constantFrom(...ids),
  epoch: fc.constant(1),
  nodes: fc.tuple(...ids.map(likelyNode)),
  peers: fc.constant(
    ids.slice(0, 5).map((nodeId): RaftPeer => {
      const peer = { nodeId, memberId: `m-${nodeId}`, kind: 'voter' as const, healthy: true };
      return { ...peer, appliedIndex: 5_000, isRaftLeader: false, reason: '' };
    }),
  ),
  raftLeader: fc.constantFrom(...ids),
  heartbeatMs: fc.constant(1_000),
  waits: fc.constant({}),
});

const hostileObservation: fc.Arbitrary<Observation> = fc.record({
  self: anyId,
  epoch: fc.nat(5),
  nodes: fc.subarray([...ids]).chain((some) => fc.tuple(...some.map(nodeOf))),
  peers: fc.subarray(['n1', 'n2', 'n3', 'n4', 'n5', 'foreign']).chain((some) => fc.tuple(...some.map(peerOf))),
  raftLeader: fc.option(anyId),
  heartbeatMs: fc.constant(1_000),
  waits: fc.dictionary(
    fc.constantFrom(...waitKeys, ...doneKeys),
    ms.map((value) => Math.max(1, value)),
    { maxKeys: 8 },
  ),
});

export const anyOptions: fc.Arbitrary<UpdateOptions> = fc
  .record({
    gateTimeoutMs: fc.constantFrom(10_000, 60_000),
    stageConcurrency: fc.integer({ min: 1, max: 4 }),
    onFailure: fc.constantFrom<UpdateOptions['onFailure']>('abort', 'revert'),
    acceptDowntime: fc.boolean(),
    rehearse: fc.boolean(),
    canary: fc.boolean(),
    canaryMs: fc.constantFrom(0, 10_000),
    maxUnavailableWorkers: fc.integer({ min: 1, max: 3 }),
  })
  .map((some) => ({ ...defaultOptions, ...some }));

export const anyObservation: fc.Arbitrary<Observation> = fc.oneof(hostileObservation, likelyObservation);

/** A longer search: `PROPERTY_RUNS=100000 npx vitest run src/cluster/update`. */
export const propertyRuns = { numRuns: Number(process.env.PROPERTY_RUNS ?? 500) };
export const propertyTimeoutMs = Math.max(30_000, propertyRuns.numRuns * 30);

const failureOf = (nodeId: string, phase: TaskPhase): fc.Arbitrary<Failure> =>
  fc.record({
    nodeId: fc.constant(nodeId),
    kind: fc.constantFrom(
      'fetch',
      'self-test',
      'activate',
      'start',
      'health',
      'join',
      'stability',
      'quorum',
      'operator',
    ),
    phase: fc.constantFrom(phase, 'rolling-back'),
    seen: fc.constant('seen'),
    wanted: fc.constant('wanted'),
    next: fc.constant('next'),
    evidence: fc.constant([]),
  });

function taskOf(
  nodeId: string,
  direction: NodeTask['direction'],
  phases: readonly TaskPhase[],
): fc.Arbitrary<NodeTask> {
  return fc.constantFrom(...phases).chain((phase) =>
    fc.record({
      nodeId: fc.constant(nodeId),
      address: fc.constant(`${nodeId}:7070`),
      role: fc.constant(nodeId.startsWith('w') ? ('worker' as const) : ('voter' as const)),
      from: fc.option(hash.map(releaseRef), { freq: 8 }),
      to: fc.constant(direction === 'forward' ? 'B' : 'A'),
      direction: fc.constant(direction),
      phase: fc.constant(phase),
      incarnationBefore: incarnation,
      incarnationTrial: incarnation,
      durations: fc.constant({}),
      bytesTransferred: fc.constant(0),
      failure: ['failed', 'rolled-back', 'rolling-back'].includes(phase)
        ? fc.option(failureOf(nodeId, phase), { freq: 8 })
        : fc.constant(null),
    }),
  );
}

const settled: readonly TaskPhase[] = ['staged', 'committed', 'rolled-back', 'failed', 'skipped', 'pending'];

/** What a record of ours has beside what a property is about. */
function bareRecord(): UpdateRecord {
  const target = versionOf('B');
  const nothing = { voters: 0, healthyVoters: 0, quorum: 0, leaderMoves: [], bytesAtMost: 0, bestMs: 0, worstMs: 0 };
  const plan = { ...nothing, target, planHash: '', order: [], refusals: [], notes: [] };
  const beginning = { service: 'claudecluster', startedAt: '2026-02-17T14:30:00Z', suffix: '1', by: 'ops' };
  return newRecord(plan, defaultOptions, { ...beginning, kind: 'update', leader: 'n1', epoch: 1 });
}

/** Running updates as the planner leaves them: one voter in flight, or workers, or nobody. What a node says may be anything. */
export const anyRecord: fc.Arbitrary<UpdateRecord> = fc
  .record({
    options: anyOptions,
    requested: fc.option(fc.constantFrom('pause', 'abort', 'revert')),
    state: fc.constantFrom('running', 'running', 'running', 'stopping', 'reverting', 'reverting'),
    order: fc.shuffledSubarray([...ids], { minLength: 1 }),
    flying: fc.option(fc.oneof(fc.constantFrom(...ids), fc.constant('workers')), { freq: 3 }),
    passed: fc.boolean(),
    leader: anyId,
  })
  .chain(({ options, requested, state, order, flying, passed, leader }) => {
    const reverting = state === 'reverting';
    const phasesOf = (nodeId: string, others: readonly TaskPhase[]): readonly TaskPhase[] =>
      nodeId === flying || (flying === 'workers' && nodeId.startsWith('w')) ? inFlightPhases : others;
    const ended: readonly TaskPhase[] = ['committed', 'rolled-back', 'failed', 'skipped'];
    const forward = order.map((id) => taskOf(id, 'forward', reverting ? ended : phasesOf(id, settled)));
    const back = reverting ? order.toReversed().map((id) => taskOf(id, 'back', phasesOf(id, settled))) : [];
    return fc.tuple(...forward, ...back).map((tasks): UpdateRecord => {
      const voter = tasks.find((task) => task.role === 'voter' && inFlightPhases.includes(task.phase));
      const place = { tasks, reservation: voter?.nodeId ?? null, state, revertBegun: reverting };
      return { ...bareRecord(), ...place, options, requested, leader, rehearsed: passed, canaryPassed: passed };
    });
  });
