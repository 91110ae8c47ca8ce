/** What a cluster answers in tests of the faces: three nodes, a plan, an update and its story. Change what a test is about. */
import type { ClusterStatus } from '../../cluster/control/status.ts';
import type { UpdateEvent } from '../../cluster/update/event.ts';
import { defaultOptions } from '../../cluster/update/options.ts';
import type { NodeTask, UpdateRecord } from '../../cluster/update/record.ts';
import type { UpdatePlan } from '../../cluster/update/update-plan.ts';
import type { ReleaseRef, VersionInfo } from '../../ports/releases.ts';

export const oldRelease: ReleaseRef = { buildHash: '09ab'.repeat(16), version: '0.1.0', gitCommit: 'aaaa111' };
export const newVersion: VersionInfo = {
  buildHash: '1f3c'.repeat(16),
  version: '0.2.0',
  gitCommit: 'bbbb222',
  builtAt: '2026-02-17T14:30:00Z',
  protocol: { min: 1, max: 1 },
  node: '>=20.19',
};
export const newRelease: ReleaseRef = { buildHash: newVersion.buildHash, version: '0.2.0', gitCommit: 'bbbb222' };
export const planHash = 'c0de'.repeat(16);

export function fakeStatus(change: Partial<ClusterStatus> = {}): ClusterStatus {
  return {
    cluster: { id: 'dev-1', leader: 'n1', epoch: 3, raftLeader: 'n1', term: 4, voters: 3, healthyVoters: 3, quorum: 2 },
    nodes: ['n1', 'n2', 'n3'].map((nodeId, index) => ({
      nodeId,
      role: 'voter',
      status: 'active',
      address: `127.0.0.1:2100${index + 1}`,
      release: oldRelease,
      trial: null,
      incarnation: `i${index + 1}`,
      lastSeenMsAgo: 400,
      healthy: true,
      reasons: [],
    })),
    update: null,
    release: oldRelease.buildHash,
    ...change,
  };
}

export function fakePlan(change: Partial<UpdatePlan> = {}): UpdatePlan {
  const order = ['n2', 'n3', 'n1'].map((nodeId) => ({
    nodeId,
    role: 'voter' as const,
    from: oldRelease,
    skip: false,
    left: '',
    address: `127.0.0.1:2100${nodeId.slice(1)}`,
  }));
  return {
    target: newVersion,
    planHash,
    order,
    voters: 3,
    healthyVoters: 3,
    quorum: 2,
    leaderMoves: ['n1 to n2'],
    bytesAtMost: 12_300_000,
    bestMs: 24_000,
    worstMs: 660_000,
    refusals: [],
    notes: [],
    ...change,
  };
}

export function fakeTask(nodeId: string, change: Partial<NodeTask> = {}): NodeTask {
  return {
    nodeId,
    address: `127.0.0.1:2100${nodeId.slice(1)}`,
    role: 'voter',
    from: oldRelease,
    to: newVersion.buildHash,
    direction: 'forward',
    phase: 'committed',
    incarnationBefore: 'a',
    incarnationTrial: 'b',
    durations: { stage: 350, health: 1200 },
    bytesTransferred: 1000,
    failure: null,
    ...change,
  };
}

export function fakeRecord(change: Partial<UpdateRecord> = {}): UpdateRecord {
  return {
    v: 1,
    service: 'claudecluster',
    id: 'u-1',
    state: 'done',
    target: newVersion,
    planHash,
    options: defaultOptions,
    startedBy: 'op@host',
    startedAt: '2026-02-17T15:00:00Z',
    endedAt: '2026-02-17T15:00:30Z',
    leader: 'n2',
    epoch: 4,
    tasks: ['n2', 'n3', 'n1'].map((nodeId) => fakeTask(nodeId)),
    reservation: null,
    intent: null,
    waiting: null,
    leaderMoves: 1,
    raftLeaderChanges: 1,
    raftLeader: 'n2',
    revertBegun: false,
    kind: 'update',
    partial: false,
    rehearsed: false,
    canaryPassed: false,
    failure: null,
    outcome: 'committed',
    requested: null,
    operatorMust: null,
    lastEvent: 3,
    ...change,
  };
}

export function fakeEvent(number: number, change: Partial<UpdateEvent> = {}): UpdateEvent {
  return {
    number,
    updateId: 'u-1',
    at: '2026-02-17T15:00:00Z',
    by: 'n1',
    epoch: 3,
    kind: 'phase',
    nodeId: 'n2',
    text: `event ${number}`,
    ...change,
  };
}

export const story: UpdateEvent[] = [
  fakeEvent(1, { kind: 'started', nodeId: null, text: 'update to 0.2.0 began' }),
  fakeEvent(2, { phase: 'committed', text: 'n2 is committed' }),
  fakeEvent(3, { kind: 'ended', nodeId: null, text: 'every node runs 0.2.0', outcome: 'committed' }),
];
