/**
 * A small cluster in memory for the decision scenarios: nodes that do what a verb says, and nothing else until the
 * scenario tells them to restart, to fall silent, to go back. Time moves only with `passTime`.
 */

import type { NodeObservation, Observation } from '../../src/cluster/update/observation.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { Step } from '../../src/cluster/update/step.ts';
import { waitsAt } from '../../src/cluster/update/waits.ts';
import type { NodeHealth, RollbackView, TrialView } from '../../src/ports/agent.ts';
import type { NodeRole, NodeStatus } from '../../src/ports/membership.ts';
import type { RaftPeer } from '../../src/ports/raft.ts';
import type { ReleaseRef, VersionInfo } from '../../src/ports/releases.ts';

export interface WorldNode {
  nodeId: string;
  role: NodeRole;
  status: NodeStatus;
  lastSeenMsAgo: number | null;
  protocol: { min: number; max: number };
  answers: boolean;
  silentWhy: string;
  healthy: boolean;
  reasons: string[];
  starts: number;
  runs: string;
  installed: string;
  trial: TrialView | null;
  /** The trial that was committed last: it can still be gone back on. */
  probation: TrialView | null;
  lastRollback: RollbackView | null;
  staged: string[];
  draining: boolean;
  tasks: number;
  diskFreeBytes: number;
  lagStandsStillMs: number | null;
  /** Time in which it was healthy, since its start or since the present leader took over. */
  beatingMs: number;
  beats: boolean;
  raft: { member: 'voter' | 'learner' | 'none'; healthy: boolean; reason: string; lag: number | null };
}

export interface World {
  nodes: WorldNode[];
  self: string;
  epoch: number;
  raftLeader: string | null;
  /** Members on hosts that are no nodes of this cluster. */
  foreignPeers: string[];
  heartbeatMs: number;
  nowMs: number;
  since: Map<string, number>;
}

export const releaseRef = (hash: string): ReleaseRef => ({
  buildHash: hash,
  version: `1.0.0-${hash}`,
  gitCommit: hash,
});

export function versionOf(hash: string, protocol = { min: 1, max: 1 }): VersionInfo {
  return { ...releaseRef(hash), builtAt: '2026-02-17T14:30:00Z', protocol, node: '>=20.19' };
}

export function createNode(nodeId: string, role: NodeRole, release: string): WorldNode {
  return {
    nodeId,
    role,
    status: 'active',
    lastSeenMsAgo: 500,
    protocol: { min: 1, max: 1 },
    answers: true,
    silentWhy: 'connection refused',
    healthy: true,
    reasons: [],
    starts: 1,
    runs: release,
    installed: release,
    trial: null,
    probation: null,
    lastRollback: null,
    staged: [release],
    draining: false,
    tasks: 0,
    diskFreeBytes: 10_000_000_000,
    lagStandsStillMs: null,
    beatingMs: 60_000,
    beats: true,
    raft: { member: role === 'voter' ? 'voter' : 'none', healthy: true, reason: '', lag: role === 'voter' ? 0 : null },
  };
}

export function nodeIn(world: World, nodeId: string): WorldNode {
  const node = world.nodes.find((one) => one.nodeId === nodeId);
  if (node === undefined) throw new Error(`there is no node ${nodeId} in this scenario`);
  return node;
}

const incarnationOf = (node: WorldNode): string => `${node.nodeId}#${node.starts}`;

export function observe(world: World): Observation {
  return {
    self: world.self,
    epoch: world.epoch,
    nodes: world.nodes.map((node) => observeNode(world, node)),
    peers: [
      ...world.nodes.filter((node) => node.raft.member !== 'none').map((node) => peerOf(world, node)),
      ...world.foreignPeers.map((nodeId) => foreignPeer(nodeId, world.raftLeader)),
    ],
    raftLeader: world.raftLeader,
    heartbeatMs: world.heartbeatMs,
    waits: waitsAt(world.since, world.nowMs),
  };
}

function foreignPeer(nodeId: string, raftLeader: string | null): RaftPeer {
  const isRaftLeader = raftLeader === nodeId;
  return {
    nodeId,
    memberId: `m-${nodeId}`,
    kind: 'voter',
    healthy: true,
    appliedIndex: 5_000,
    isRaftLeader,
    reason: '',
  };
}

/** The cluster's store is an etcd on three other hosts. */
export function setEtcdApart(world: World): void {
  for (const node of world.nodes) node.raft = { ...node.raft, member: 'none', lag: null };
  world.foreignPeers = ['e1', 'e2', 'e3'];
  world.raftLeader = 'e1';
}

function peerOf(world: World, node: WorldNode): RaftPeer {
  const { member, healthy, reason, lag } = node.raft;
  return {
    nodeId: node.nodeId,
    memberId: `m-${node.nodeId}`,
    kind: member === 'learner' ? 'learner' : 'voter',
    healthy,
    appliedIndex: healthy && lag !== null ? 5_000 - lag : null,
    isRaftLeader: world.raftLeader === node.nodeId,
    reason: healthy ? '' : reason,
  };
}

function observeNode(world: World, node: WorldNode): NodeObservation {
  const counts = node.answers && node.healthy && node.status !== 'offline';
  return {
    nodeId: node.nodeId,
    address: `${node.nodeId}:7070`,
    role: node.role,
    status: node.status,
    lastSeenMsAgo: node.lastSeenMsAgo,
    protocol: node.protocol,
    release: releaseRef(node.runs),
    health: node.answers ? healthOf(world, node) : null,
    healthError: node.answers ? '' : node.silentWhy,
    heartbeats: counts ? Math.floor(node.beatingMs / world.heartbeatMs) : 0,
    lag: node.raft.healthy ? node.raft.lag : null,
    lagStandsStillMs: node.lagStandsStillMs,
  };
}

function healthOf(world: World, node: WorldNode): NodeHealth {
  return {
    nodeId: node.nodeId,
    service: 'claudecluster',
    incarnation: incarnationOf(node),
    healthy: node.healthy,
    reasons: node.reasons,
    release: releaseRef(node.runs),
    installed: node.installed,
    trial: node.trial,
    lastRollback: node.lastRollback,
    staged: node.staged,
    epoch: world.epoch,
    appliedIndex: null,
    draining: node.draining,
    runningTasks: node.tasks,
    diskFreeBytes: node.diskFreeBytes,
    heartbeatMs: world.heartbeatMs,
  };
}

// ------------------------------------------------------------------------------------- what happens

/** What a step does in a world where everything works. */
export function act(world: World, step: Step, record: UpdateRecord): void {
  switch (step.kind) {
    case 'stage':
      for (const { nodeId } of step.nodes) stage(nodeIn(world, nodeId), step.release);
      return;
    case 'moveRaftLeader':
      world.raftLeader = step.to;
      return;
    case 'drain':
      nodeIn(world, step.nodeId).draining = true;
      return;
    case 'activate':
      activate(nodeIn(world, step.nodeId), step.release, record);
      return;
    case 'commit': {
      const node = nodeIn(world, step.nodeId);
      node.probation = node.trial;
      node.trial = null;
      return;
    }
    case 'rollback':
      switchBack(nodeIn(world, step.nodeId), 'leader', step.failure.seen);
      return;
    case 'handOver':
      world.raftLeader = step.to;
      takeOver(world, step.to);
      return;
    case 'failed': {
      const node = world.nodes.find((one) => one.nodeId === step.nodeId);
      if (node?.trial === null) node.draining = false;
      return;
    }
    default:
      return;
  }
}

export function stage(node: WorldNode, release: string): void {
  if (!node.staged.includes(release)) node.staged = [...node.staged, release];
}

function activate(node: WorldNode, release: string, record: UpdateRecord): void {
  if (node.trial !== null || node.installed === release) return;
  node.trial = {
    updateId: record.id,
    release,
    knownGood: node.installed,
    epoch: record.epoch,
    switched: true,
    bootsUsed: 0,
    bootsMax: record.options.bootsMax,
    healthyInMs: record.options.healthTimeoutMs,
    commitInMs: record.options.trialMs,
  };
  node.installed = release;
}

/** Ends the trial on the node's disk; the process runs on until it restarts. Nothing without a trial. */
export function switchBack(node: WorldNode, cause: string, why: string, ended: Partial<RollbackView> = {}): void {
  const over = node.trial ?? node.probation;
  if (over === null) return;
  const { updateId, release, knownGood } = over;
  node.lastRollback = {
    updateId,
    release,
    knownGood,
    cause,
    why,
    exitCode: null,
    signal: 'SIGTERM',
    logTail: [],
    at: '',
    ...ended,
  };
  node.installed = knownGood;
  node.trial = null;
  node.probation = null;
}

/** A new process of what `dist` points to, healthy and caught up unless the scenario says otherwise afterwards. */
export function restart(node: WorldNode): void {
  node.starts += 1;
  node.runs = node.installed;
  node.answers = true;
  node.healthy = true;
  node.reasons = [];
  node.draining = false;
  node.tasks = 0;
  node.beatingMs = 0;
  node.status = 'active';
  if (node.raft.member !== 'none') node.raft = { ...node.raft, healthy: true, lag: 0 };
  if (node.trial !== null) node.trial = { ...node.trial, bootsUsed: node.trial.bootsUsed + 1, healthyInMs: null };
}

/** Another leader: its view of waits and heartbeats begins anew. */
export function takeOver(world: World, nodeId: string): void {
  world.self = nodeIn(world, nodeId).nodeId;
  world.epoch += 1;
  world.since.clear();
  for (const node of world.nodes) node.beatingMs = 0;
}

export function passTime(world: World, ms: number): void {
  world.nowMs += ms;
  for (const node of world.nodes) {
    if (node.answers && node.healthy && node.beats) node.beatingMs += ms;
    if (node.trial !== null) node.trial = { ...node.trial, commitInMs: Math.max(0, node.trial.commitInMs - ms) };
  }
}
