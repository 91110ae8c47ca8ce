/**
 * The table from kind of step to what is done for it. Exhaustive by type: a new kind without an executor does not
 * compile. Executors do, and say what they saw; they decide nothing and write no record.
 */
import { ClusterError } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Raft } from '../ports/raft.ts';
import { runVerb } from './run-verb.ts';
import { stageNode } from './stage-node.ts';
import { asRetry, attempt, failureFrom, quietly } from './step-outcomes.ts';
import type { UpdateRecord } from './update/record.ts';
import type { StepOutcome } from './update/record-step.ts';
import type { Step, StepKind } from './update/step.ts';

/** A verb that only writes a few small files and asks for a restart, ms. */
const verbTimeoutMs = 30_000;
/** An activation may run the node's own hook first, ms. */
const activateTimeoutMs = 120_000;

export interface ExecuteDeps {
  clientPool: ClientPool;
  raft: Raft;
  clock: Clock;
}

type Executor<K extends StepKind> = (
  step: Extract<Step, { kind: K }>,
  record: UpdateRecord,
  deps: ExecuteDeps,
) => Promise<StepOutcome>;

const nothing = async (): Promise<StepOutcome> => ({ kind: 'ok', ms: 0 });

const executors: { [K in StepKind]: Executor<K> } = {
  stage: async (step, record, deps) => {
    const startMs = deps.clock.nowMs();
    const results = await Promise.all(step.nodes.map((node) => stageNode(node, step, record, deps)));
    return { kind: 'staged', ms: deps.clock.nowMs() - startMs, results };
  },

  rehearse: async (step, record, deps) => {
    const startMs = deps.clock.nowMs();
    const answers = await Promise.all(
      step.nodes.map(async (node) => {
        const argv = ['claudecluster', 'node', 'rehearse', step.release, '--json'];
        const outcome = await attempt(deps, async () => {
          await runVerb(deps, node.address, argv, record.options.stageTimeoutMs);
        });
        return { node, outcome };
      }),
    );
    const ms = deps.clock.nowMs() - startMs;
    // A clear no of one node is not held back by the silence of another.
    const bad =
      answers.find((one) => one.outcome.kind === 'refused') ?? answers.find((one) => one.outcome.kind === 'retry');
    if (bad === undefined) return { kind: 'ok', ms };
    if (bad.outcome.kind === 'retry') return { kind: 'retry', ms, seen: bad.outcome.seen };
    if (bad.outcome.kind !== 'refused') return { kind: 'ok', ms };
    const failure = failureFrom(bad.node.nodeId, 'staged', bad.outcome.error, 'rehearsal');
    return { kind: 'refused', ms, failure: { ...failure, kind: 'rehearsal' } };
  },

  canaryPassed: nothing,

  moveRaftLeader: async (step, _record, deps) => asRetry(await attempt(deps, () => deps.raft.moveRaftLeader(step.to))),

  drain: async (step, record, deps) =>
    asRetry(
      await attempt(deps, async () => {
        await deps.clientPool.getConnection(step.address).drain(true, record.id, record.epoch);
      }),
    ),

  activate: async (step, record, deps) => {
    const { trialMs, healthTimeoutMs, bootsMax } = record.options;
    const argv = ['claudecluster', 'node', 'activate', step.release, '--update', record.id];
    argv.push('--epoch', String(record.epoch), '--trial', `${trialMs}ms`);
    argv.push('--health-timeout', `${healthTimeoutMs}ms`, '--boots', String(bootsMax), '--json');
    if (record.options.acceptDowntime) argv.push('--accept-downtime');
    const outcome = await attempt(deps, async () => {
      await runVerb(deps, step.address, argv, activateTimeoutMs);
    });
    if (outcome.kind === 'refused') {
      const failure = failureFrom(step.nodeId, 'activating', outcome.error, 'activate');
      await quietly(() => deps.clientPool.getConnection(step.address).drain(false, record.id, record.epoch));
      return { kind: 'refused', ms: outcome.ms, failure };
    }
    // The restart takes the connection with it: what comes next must dial anew. Without one the next try needs it.
    if (outcome.kind === 'ok') deps.clientPool.closeConnection(step.address);
    return outcome;
  },

  trial: nothing,

  commit: async (step, record, deps) =>
    asRetry(
      await attempt(deps, async () => {
        if (step.done === true) return;
        const argv = ['claudecluster', 'node', 'commit', '--update', record.id, '--epoch', String(record.epoch)];
        // The process that was judged, and no later one (P4): the command may be long on its way.
        const judged = record.tasks.findLast((one) => one.nodeId === step.nodeId)?.incarnationTrial ?? '';
        if (judged !== '') argv.push('--incarnation', judged);
        argv.push('--json');
        await runVerb(deps, step.address, argv, verbTimeoutMs);
      }),
    ),

  rollback: async (step, record, deps) => {
    const argv = ['claudecluster', 'node', 'rollback', '--update', record.id, '--epoch', String(record.epoch)];
    argv.push('--why', `${step.failure.kind}: ${step.failure.seen}`.slice(0, 500), '--json');
    const outcome = await attempt(deps, async () => {
      await runVerb(deps, step.address, argv, verbTimeoutMs);
    });
    deps.clientPool.closeConnection(step.address);
    return asRetry(outcome); // If it cannot be asked, its guard does it (P3).
  },

  rolledBack: nothing,

  failed: async (step, record, deps) => {
    const task = record.tasks.findLast((one) => one.nodeId === step.nodeId);
    if (task !== undefined && (task.phase === 'draining' || step.failure.phase === 'activating')) {
      await quietly(() => deps.clientPool.getConnection(task.address).drain(false, record.id, record.epoch));
    }
    return { kind: 'ok', ms: 0 };
  },

  handOver: async (step, _record, deps) =>
    asRetry(
      await attempt(deps, async () => {
        await deps.raft.moveRaftLeader(step.to);
        if (await deps.raft.handOver(step.to)) return;
        throw new ClusterError('unavailable', `the leadership did not move to ${step.to}`);
      }),
    ),

  revert: nothing,
  finish: nothing,
  await: nothing,
};

/** Does the step. Throws 'stale-epoch' only: everything else comes back as an outcome. */
export async function execute(step: Step, record: UpdateRecord, deps: ExecuteDeps): Promise<StepOutcome> {
  const executor = executors[step.kind] as Executor<StepKind>;
  return executor(step as never, record, deps);
}
