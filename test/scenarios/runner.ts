/**
 * Runs a scenario: a small language for a cluster, what happens to its nodes, and what the planner decides.
 *
 *   cluster voters=n1,n2,n3 workers=w1 leader=n1 raft=n1 heartbeat=1s release=A
 *   update to=B [health=60s stabilize=45s trial=120s gate=60s drain=30s rollback=180s on-failure=revert accept-downtime=yes …]
 *   preflight to=B [the same; epoch=0 running="…" quarantine="…" by-hand=n2 invalid="…" size=… protocol=2-3]
 *   step               plan one step, do it, record it
 *   step lost          the intent is recorded, then the leader dies: nothing was done
 *   step unrecorded    the step is done, then the leader dies: the record does not know
 *   step retry="…"     no answer to the step
 *   step refused="…" kind=…   the node says no; done-but-refused="…": it says no after it was done
 *    step fails=n3 kind=fetch seen="…"   one node cannot be staged
 *   run                steps, until something is waited for or the update ended
 *   walk [until=n3:trial]     the same, and nodes restart and beat as good ones do
 *   node n2 restarts | goes-back | is … (see node.ts)
 *   raft leader=n3 | none | apart (an etcd of its own hosts)      leader n3 (takes over)
 *   wait 3s            request pause|resume|abort|revert             record     world
 */
import { type ByHand, describeByHand, wayOutOf } from '../../src/cluster/by-hand.ts';
import type { Change } from '../../src/cluster/update/change.ts';
import type { Failure, FailureKind } from '../../src/cluster/update/failure.ts';
import { newRecord } from '../../src/cluster/update/new-record.ts';
import { defaultOptions, type UpdateOptions } from '../../src/cluster/update/options.ts';
import { plan } from '../../src/cluster/update/plan.ts';
import { preflight } from '../../src/cluster/update/preflight.ts';
import { isEnded, type UpdateRecord } from '../../src/cluster/update/record.ts';
import { recordIntent, recordOutcome, type StepOutcome } from '../../src/cluster/update/record-step.ts';
import type { PreflightInput } from '../../src/cluster/update/refusal.ts';
import type { Step } from '../../src/cluster/update/step.ts';
import { noteAwait, noteStep } from '../../src/cluster/update/waits.ts';
import { type Block, type Command, parseCommand, parseTime } from './language.ts';
import { changeNode, restartNode } from './node.ts';
import { tellChange, tellFailure, tellPlan, tellRecord, tellStep, tellWorld } from './tell.ts';
import {
  act,
  createNode,
  nodeIn,
  observe,
  passTime,
  setEtcdApart,
  stage,
  takeOver,
  versionOf,
  type World,
} from './world.ts';

/** More steps without a wait than any story needs: the planner goes round in circles. */
const stepsAtMost = 200;

export interface Story {
  world: World;
  record: UpdateRecord | null;
}

export const openStory = (): Story => ({ world: emptyWorld(), record: null });

/** The blocks with the output that their commands give now. */
export function runScenario(blocks: Block[]): Block[] {
  const story = openStory();
  return blocks.map((block) => {
    const lines = block.commands.flatMap((line) => runLine(story, line));
    return { ...block, output: lines.length > 0 ? lines.join('\n') : 'ok' };
  });
}

function emptyWorld(): World {
  return {
    nodes: [],
    self: '',
    epoch: 1,
    raftLeader: null,
    foreignPeers: [],
    heartbeatMs: 1_000,
    nowMs: 0,
    since: new Map(),
  };
}

const commands: Record<string, (story: Story, command: Command) => string[]> = {
  cluster: (story, { given }) => {
    const release = given.release ?? 'A';
    const voters = (given.voters ?? '').split(',').map((id) => createNode(id, 'voter', release));
    const workers = (given.workers?.split(',') ?? []).map((id) => createNode(id, 'worker', release));
    const self = given.leader ?? voters[0]?.nodeId ?? '';
    const heartbeatMs = parseTime(given.heartbeat ?? '1s');
    const nodes = [...voters, ...workers];
    story.world = { ...emptyWorld(), nodes, self, heartbeatMs, raftLeader: given.raft ?? self };
    story.record = null;
    return [];
  },
  preflight: (story, command) => tellPlan(preflight(preflightInput(story.world, command))),
  update: (story, command) => {
    const input = preflightInput(story.world, command);
    const made = preflight(input);
    if (made.refusals.length > 0) return tellPlan(made);
    const { self, epoch } = story.world;
    const beginning = {
      service: 'claudecluster',
      startedAt: '2026-02-17T14:30:00Z',
      suffix: '1',
      by: 'ops',
      kind: 'update' as const,
    };
    story.record = newRecord(made, input.options, { ...beginning, leader: self, epoch });
    stage(nodeIn(story.world, self), command.given.to ?? 'B');
    return tellPlan(made);
  },
  step: (story, command) => oneStep(story, command).lines,
  run: (story) => manySteps(story, () => false),
  walk: (story, { given }) => {
    const [nodeId, phase] = (given.until ?? ':').split(':');
    return manySteps(
      story,
      (step) => doWhatGoodNodesDo(story, step),
      (record) => record.tasks.some((task) => task.nodeId === nodeId && task.phase === phase),
    );
  },
  node: (story, command) => changeNode(story.world, story.record, command),
  raft: (story, { given, words }) => {
    if (words[0] === 'apart') setEtcdApart(story.world);
    else story.world.raftLeader = words[0] === 'none' ? null : (given.leader ?? null);
    return [];
  },
  leader: (story, { words }) => {
    takeOver(story.world, words[0] ?? '');
    return adopt(story);
  },
  wait: (story, { words }) => {
    passTime(story.world, parseTime(words[0] ?? ''));
    return [];
  },
  request: (story, { words }) => {
    const resumes = words[0] === 'resume';
    const requested = resumes ? null : (words[0] as UpdateRecord['requested']);
    const before = running(story);
    story.record = { ...before, requested, canaryPassed: before.canaryPassed || resumes };
    return [];
  },
  record: (story) => tellRecord(running(story)),
  world: (story) => tellWorld(story.world),
};

/** One command; what it printed. */
export function runLine(story: Story, line: string): string[] {
  const command = parseCommand(line);
  const run = commands[command.name];
  if (run === undefined) throw new Error(`no such command: ${command.name}`);
  return run(story, command);
}

function running(story: Story): UpdateRecord {
  if (story.record === null) throw new Error('no update was begun in this scenario');
  return story.record;
}

/** As RollingUpdater does it when the record is another leader's. */
function adopt(story: Story): string[] {
  const { self, epoch } = story.world;
  if (story.record !== null) {
    story.record = { ...story.record, leader: self, epoch, leaderMoves: story.record.leaderMoves + 1, waiting: null };
  }
  return [`${self} leads now, epoch ${epoch}`];
}

// ------------------------------------------------------------------------------------- steps

function oneStep(story: Story, command: Command): { step: Step; lines: string[] } {
  const { world } = story;
  const before = running(story);
  if (isEnded(before)) throw new Error('the update of this scenario has ended');
  const observation = observe(world);
  const step = plan(observation, before);
  const lines = tellStep(step);
  if (step.kind === 'await') {
    noteAwait(world.since, step.key, world.nowMs);
    return { step, lines };
  }
  const intended = apply(story, recordIntent(before, step, observation), lines);
  if (command.words.includes('lost')) return { step, lines: [...lines, '  (the leader died before it was done)'] };
  const outcome = outcomeOf(story, step, command);
  const done = outcome.kind === 'ok' || outcome.kind === 'staged' || command.given['done-but-refused'] !== undefined;
  if (done) act(world, step, intended);
  if (command.words.includes('unrecorded')) return { step, lines: [...lines, '  (the leader died after it was done)'] };
  noteStep(world.since, step, outcome, world.nowMs);
  if (step.kind === 'handOver' && outcome.kind === 'ok') return { step, lines: [...lines, ...adopt(story)] };
  apply(story, recordOutcome(intended, step, outcome), lines);
  if (outcome.kind === 'retry') lines.push(`  (no answer: ${outcome.seen})`);
  return { step, lines };
}

function apply(story: Story, change: Change, lines: string[]): UpdateRecord {
  const before = running(story);
  for (const event of change.events) {
    if (event.kind === 'failure' && event.failure !== undefined && !lines[0]?.includes(event.failure.seen)) {
      lines.push(...tellFailure(event.failure));
    }
  }
  lines.push(...tellChange(before, change.record));
  if (change.quarantine !== null) lines.push(`  quarantined: ${change.record.target.buildHash}`);
  story.record = change.record;
  return change.record;
}

function outcomeOf(story: Story, step: Step, { given }: Command): StepOutcome {
  if (given.retry !== undefined) return { kind: 'retry', ms: 10, seen: given.retry };
  const refused = given.refused ?? given['done-but-refused'];
  const whose = 'nodeId' in step ? step.nodeId : given.on;
  if (refused !== undefined && typeof whose === 'string') {
    return { kind: 'refused', ms: 10, failure: failureOf(story, whose, refused, given.kind) };
  }
  if (step.kind !== 'stage') return { kind: 'ok', ms: 10 };
  const results = step.nodes.map(({ nodeId }) => {
    const silent = story.world.nodes.find((node) => node.nodeId === nodeId && !node.answers);
    const fails = nodeId === given.fails ? failureOf(story, nodeId, given.seen ?? 'it failed', given.kind) : null;
    const failure = silent === undefined ? fails : failureOf(story, nodeId, silent.silentWhy, 'fetch');
    return { nodeId, ms: 10, bytesTransferred: 100, failure };
  });
  return { kind: 'staged', ms: 10, results };
}

function failureOf(story: Story, nodeId: string, seen: string, kind = 'activate'): Failure {
  const phase = running(story).tasks.findLast((task) => task.nodeId === nodeId)?.phase ?? 'pending';
  const next = `see the log of ${nodeId}`;
  return { nodeId, kind: kind as FailureKind, phase, seen, wanted: 'the step to succeed', next, evidence: [] };
}

/** `goOn` is asked at every wait; true: look again. `done` ends it after a step. */
function manySteps(
  story: Story,
  goOn: (step: Step) => boolean,
  done: (record: UpdateRecord) => boolean = () => false,
): string[] {
  const lines: string[] = [];
  for (let count = 0; count < stepsAtMost; count += 1) {
    const made = oneStep(story, { name: 'step', words: [], given: {} });
    const goesOn = made.step.kind === 'await' && goOn(made.step);
    if (!goesOn) lines.push(...made.lines);
    if (isEnded(running(story)) || done(running(story))) return lines;
    if (made.step.kind === 'await' && !goesOn) return lines;
  }
  throw new Error(`more than ${stepsAtMost} steps:\n${lines.slice(-20).join('\n')}`);
}

/** Nodes that were switched restart; others beat. False where only somebody else can help. */
function doWhatGoodNodesDo({ world }: Story, step: Step): boolean {
  if (step.kind !== 'await' || !/^(health|stable|rollback):/.test(step.key)) return false;
  const switched = world.nodes.find((node) => node.installed !== node.runs);
  if (switched !== undefined) restartNode(world, switched);
  else passTime(world, world.heartbeatMs);
  return true;
}

// ------------------------------------------------------------------------------------- preflight

function preflightInput(world: World, { given }: Command): PreflightInput {
  const observation = observe(world);
  const to = given.to ?? 'B';
  const [min = 1, max = 1] = (given.protocol ?? '1-1').split('-').map(Number);
  const since = { startedBy: 'ops', startedAt: '2026-02-17T14:00:00Z' };
  const leads = given.epoch !== '0';
  return {
    observation: leads ? observation : { ...observation, epoch: 0 },
    options: optionsOf(given),
    release:
      given.invalid === undefined
        ? { version: versionOf(to, { min, max }), sizeBytes: Number(given.size ?? 1_000_000) }
        : { invalid: given.invalid, next: 'build it again: `npm run build`' },
    running: given.running === undefined ? null : { id: given.running, ...since },
    quarantine: given.quarantine === undefined ? null : { buildHash: to, why: given.quarantine },
    byHand: given['by-hand'] === undefined ? null : byHandOf(given['by-hand']),
    leader: leads ? world.self : (given.leads ?? null),
    planHash: given.plan ?? null,
  };
}

function byHandOf(nodeId: string): NonNullable<PreflightInput['byHand']> {
  const held: ByHand = { v: 1, nodeId, updateId: 'by-hand-1', at: '2026-02-17T14:00:00Z' };
  return { nodeId, seen: describeByHand(held), next: wayOutOf(held) };
}

const times: Record<string, keyof UpdateOptions> = {
  health: 'healthTimeoutMs',
  stabilize: 'stabilizeTimeoutMs',
  trial: 'trialMs',
  gate: 'gateTimeoutMs',
  drain: 'drainTimeoutMs',
  rollback: 'rollbackTimeoutMs',
  'canary-for': 'canaryMs',
};
const counts: Record<string, keyof UpdateOptions> = {
  heartbeats: 'heartbeats',
  lag: 'maxLagEntries',
  'stage-concurrency': 'stageConcurrency',
  'workers-at-once': 'maxUnavailableWorkers',
  max: 'max',
};

const flags: Record<string, keyof UpdateOptions> = {
  'accept-downtime': 'acceptDowntime',
  'skip-offline': 'skipOffline',
  rehearse: 'rehearse',
  canary: 'canary',
};

function optionsOf(given: Record<string, string>): UpdateOptions {
  const options: Record<string, unknown> = { ...defaultOptions };
  for (const [name, value] of Object.entries(given)) {
    if (times[name] !== undefined) options[times[name]] = parseTime(value);
    if (counts[name] !== undefined) options[counts[name]] = Number(value);
    if (name === 'on-failure') options.onFailure = value;
    if (flags[name] !== undefined) options[flags[name]] = value === 'yes';
    if (name === 'only') options.only = value.split(',');
  }
  return options as unknown as UpdateOptions;
}
