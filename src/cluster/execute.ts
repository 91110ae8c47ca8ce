/**
 * The table from kind of step to what is done for it. Exhaustive by type: a new kind without an executor does not
 * compile. Executors do, and say what they saw; they decide nothing and write no record.
 */
import { asClusterError, ClusterError, type ErrorCode } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Raft } from '../ports/raft.ts';
import type { StageResult, StepOutcome } from './update/record.ts';
import type { Failure, FailureKind, NodeTask, Step, StepKind, UpdateRecord } from './update/types.ts';

/** A verb that only writes a few small files and asks for a restart, ms. */
const verbTimeoutMs = 30_000;
/** An activation may run the node's own hook first, ms. */
const activateTimeoutMs = 120_000;
/** Staging that failed for the network's sake is tried so often: a passing fault is not the end. */
const fetchAttempts = 2;
/** Between two of them, ms. */
const fetchPauseMs = 1_000;

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
    const results = await Promise.all(step.nodes.map((node) => stageOne(node, step, record, deps)));
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
    const bad = answers.find((one) => one.outcome.kind !== 'ok');
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

// ------------------------------------------------------------------------------------- verbs

/** Runs a node verb and returns its JSON answer. Throws the verb's own ClusterError, or 'unavailable'. */
export async function runVerb(
  deps: Pick<ExecuteDeps, 'clientPool'>,
  address: string,
  argv: string[],
  timeoutMs: number,
): Promise<Record<string, unknown>> {
  const result = await deps.clientPool.getConnection(address).executeTask({ argv, timeoutMs });
  const answer = lastJson(result.stdout);
  if (result.exitCode === 0 && answer !== null) return answer;
  const error = answer?.error as { code?: ErrorCode; message?: string } | undefined;
  if (error?.code !== undefined) {
    const { code, message, ...detail } = error;
    throw new ClusterError(code, message ?? code, detail);
  }
  const ended = result.timedOut ? 'ran out of time' : (result.signal ?? `exit code ${result.exitCode}`);
  const tail = (result.stderr || result.stdout).trim().split('\n').slice(-5).join(' | ');
  // A verb that was killed with its daemon says nothing: look at the node before deciding anything.
  const code = result.signal !== null || result.timedOut ? 'unavailable' : 'internal';
  throw new ClusterError(code, `${argv.slice(1, 3).join(' ')}: ${ended}`, { seen: tail });
}

function lastJson(stdout: string): Record<string, unknown> | null {
  for (const line of stdout.trim().split('\n').toReversed()) {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    } catch {
      // Not the answer: a library's word on stdout.
    }
  }
  return null;
}

async function stageOne(
  node: { nodeId: string; address: string },
  step: Extract<Step, { kind: 'stage' }>,
  record: UpdateRecord,
  deps: ExecuteDeps,
): Promise<StageResult> {
  const startMs = deps.clock.nowMs();
  const argv = ['claudecluster', 'node', 'stage', step.release, '--from', step.from, '--json'];
  for (let tried = 1; ; tried += 1) {
    try {
      const answer = await runVerb(deps, node.address, argv, record.options.stageTimeoutMs);
      const bytesTransferred = Number(answer.bytesTransferred ?? 0);
      return { nodeId: node.nodeId, ms: deps.clock.nowMs() - startMs, bytesTransferred, failure: null };
    } catch (thrown) {
      const error = asClusterError(thrown);
      const failure = failureFrom(node.nodeId, 'pending', error, 'fetch');
      const ms = deps.clock.nowMs() - startMs;
      // A node that does not answer may be restarting: it has as long as any gate.
      const patient = error.code === 'unavailable' && ms < record.options.gateTimeoutMs;
      if (failure.kind !== 'fetch' || (tried >= fetchAttempts && !patient)) {
        return { nodeId: node.nodeId, ms, bytesTransferred: 0, failure };
      }
      await deps.clock.sleep(fetchPauseMs);
    }
  }
}

/** Which class of failure a verb's error is: it decides whether the build is to blame. */
const kindOfCode: Partial<Record<ErrorCode, FailureKind>> = {
  'verify-failed': 'verify',
  'release-invalid': 'verify',
  'self-test-failed': 'self-test',
  'transfer-failed': 'fetch',
  unavailable: 'fetch',
  disk: 'fetch',
  'quorum-unsafe': 'quorum',
};

function failureFrom(nodeId: string, phase: NodeTask['phase'], error: ClusterError, otherwise: FailureKind): Failure {
  const { seen, wanted, next } = error.detail;
  return {
    nodeId,
    kind: kindOfCode[error.code] ?? otherwise,
    phase,
    seen: seen === undefined ? error.message : `${error.message}: ${seen}`,
    wanted: wanted ?? 'the step to succeed',
    next: next ?? `see the log of ${nodeId}, mend what it names, then start the update again`,
    evidence: [`${error.code}: ${error.message}`],
  };
}

// ------------------------------------------------------------------------------------- outcomes

type Attempt =
  | { kind: 'ok'; ms: number }
  | { kind: 'retry'; ms: number; seen: string }
  | { kind: 'refused'; ms: number; error: ClusterError };

/** A peer that does not answer is looked at again; a clear no is an outcome; a newer epoch ends our part (P6). */
async function attempt(deps: ExecuteDeps, act: () => Promise<void>): Promise<Attempt> {
  const startMs = deps.clock.nowMs();
  try {
    await act();
    return { kind: 'ok', ms: deps.clock.nowMs() - startMs };
  } catch (thrown) {
    const error = asClusterError(thrown);
    const ms = deps.clock.nowMs() - startMs;
    if (error.code === 'stale-epoch') throw error;
    if (error.code === 'unavailable' || error.code === 'no-leader' || error.code === 'not-leader') {
      const { seen } = error.detail;
      return { kind: 'retry', ms, seen: seen === undefined ? error.message : `${error.message}: ${seen}` };
    }
    return { kind: 'refused', ms, error };
  }
}

/** For steps whose truth is on the node: whatever the verb said, look at the node again. */
function asRetry(outcome: Attempt): StepOutcome {
  return outcome.kind === 'refused' ? { kind: 'retry', ms: outcome.ms, seen: outcome.error.message } : outcome;
}

async function quietly(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch {
    // The node restarts or is gone: it does not stay drained either way.
  }
}
