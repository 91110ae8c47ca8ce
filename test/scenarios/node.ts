/**
 * What a scenario can have happen to a node:
 *
 *   node n2 restarts                 a new process of what is installed, healthy, caught up
 *   node n2 goes-back cause=boots why="…" exit=1 log="…"   its guard ends the trial; it restarts on the known-good release
 *   node n2 goes-back forgotten      the same, and nothing is left to say why
 *   node n2 is silent why="…"        no answer to HealthCheck
 *   node n2 is answering | healthy | draining | active | offline | mute (no heartbeats) | gone (from the cluster)
 *   node n2 is unhealthy why="…"
 *   node n2 has lag=4000 still=6s tasks=2 raft=down|up|learner|none disk=10 protocol=2-3 seen=9s trial=other runs=B status=…
 */

import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { NodeStatus } from '../../src/ports/membership.ts';
import { type Command, parseTime } from './language.ts';
import { nodeIn, restart, stage, switchBack, type World, type WorldNode } from './world.ts';

export function changeNode(world: World, record: UpdateRecord | null, command: Command): string[] {
  const [nodeId = '', verb = '', ...words] = command.words;
  const node = nodeIn(world, nodeId);
  if (verb === 'restarts') restartNode(world, node);
  else if (verb === 'goes-back') goBack(world, node, command, words.includes('forgotten'));
  else if (verb === 'is') for (const word of words) become(world, node, word, command.given);
  else if (verb === 'has') for (const [key, value] of Object.entries(command.given)) give(node, record, key, value);
  else throw new Error(`a node does not know how to: ${verb}`);
  return [];
}

/** The Raft leader does not survive the restart of its node, where another voter can take over. */
export function restartNode(world: World, node: WorldNode): void {
  restart(node);
  if (world.raftLeader !== node.nodeId) return;
  const other = world.nodes.find((one) => one !== node && one.raft.member === 'voter' && one.raft.healthy);
  world.raftLeader = other?.nodeId ?? node.nodeId;
}

function goBack(world: World, node: WorldNode, { given }: Command, forgotten: boolean): void {
  const remembers = node.lastRollback;
  switchBack(node, given.cause ?? 'boots', given.why ?? 'three starts without becoming healthy', {
    exitCode: given.signal === undefined ? Number(given.exit ?? 1) : null,
    signal: given.signal ?? null,
    logTail: given.log?.split('|') ?? [],
  });
  if (forgotten) node.lastRollback = remembers;
  restartNode(world, node);
}

function become(world: World, node: WorldNode, word: string, given: Record<string, string>): void {
  const unhealthy = { healthy: false, beatingMs: 0, reasons: given.why === undefined ? [] : [given.why] };
  const changes: Record<string, Partial<WorldNode>> = {
    silent: { answers: false, silentWhy: given.why ?? 'connection refused', beatingMs: 0 },
    answering: { answers: true },
    healthy: { healthy: true, reasons: [] },
    unhealthy,
    mute: { beats: false },
    beating: { beats: true },
    draining: { draining: true },
    active: { draining: false, status: 'active' },
    offline: { status: 'offline' },
    gone: {},
  };
  const change = changes[word];
  if (change === undefined) throw new Error(`a node cannot be: ${word}`);
  Object.assign(node, change);
  if (word === 'gone') world.nodes = world.nodes.filter((one) => one !== node);
}

function give(node: WorldNode, record: UpdateRecord | null, key: string, value: string): void {
  const [min = 1, max = 1] = value.split('-').map(Number);
  const raft = node.raft;
  if (key === 'still') node.lagStandsStillMs = parseTime(value);
  else if (key === 'lag') node.raft = { ...raft, lag: value === 'unknown' ? null : Number(value) };
  else if (key === 'tasks') node.tasks = Number(value);
  else if (key === 'disk') node.diskFreeBytes = Number(value);
  else if (key === 'protocol') node.protocol = { min, max };
  else if (key === 'seen') node.lastSeenMsAgo = value === 'never' ? null : parseTime(value);
  else if (key === 'status') node.status = value as NodeStatus;
  else if (key === 'claims') node.runs = value;
  else if (key === 'runs') {
    node.runs = value;
    node.installed = value;
    stage(node, value);
  } else if (key === 'raft') {
    if (value === 'none' || value === 'learner')
      node.raft = { ...raft, member: value, lag: value === 'none' ? null : raft.lag };
    else node.raft = { ...raft, healthy: value === 'up', reason: value === 'up' ? '' : 'its endpoint does not answer' };
  } else if (key === 'trial') {
    const update = { updateId: value === 'this' ? (record?.id ?? '') : value, epoch: 1, switched: true };
    const limits = { bootsUsed: 1, bootsMax: 3, healthyInMs: null, commitInMs: 60_000 };
    node.trial = { ...update, release: node.runs, knownGood: 'A', ...limits };
  } else throw new Error(`a node has no: ${key}`);
}
