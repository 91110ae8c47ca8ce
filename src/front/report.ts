/** What an ended update comes to: the last JSON line of `update --json`, and the closing lines for people. */
import type { Failure } from '../cluster/update/failure.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import type { Refusal } from '../cluster/update/refusal.ts';
import type { Outcome } from '../cluster/update/states.ts';
import type { UpdatePlan } from '../cluster/update/update-plan.ts';
import type { ReleaseRef } from '../ports/releases.ts';

interface NodeReport {
  nodeId: string;
  before: ReleaseRef | null;
  /** What it runs now, committed; null when that is not known (its rollback was not confirmed). */
  after: ReleaseRef | null;
  phase: string;
  /** Milliseconds by part: stage, drain, activate, health, stability, commit, rollback. */
  durationsMs: Record<string, number>;
  bytesTransferred: number;
}

export interface UpdateReport {
  /** null: the update still runs, or was lost sight of. */
  outcome: Outcome | null;
  updateId: string | null;
  target: ReleaseRef | null;
  nodes: NodeReport[];
  raftLeaderChanges: number;
  leaderMoves: number;
  bytesTransferred: number;
  elapsedMs: number;
  failure: Failure | null;
  operatorMust: string | null;
  refusals: Refusal[];
}

export function reportOf(record: UpdateRecord, pushedBytes: number, elapsedMs: number): UpdateReport {
  const target = refOf(record.target);
  const nodes = new Map<string, NodeReport>();
  for (const task of record.tasks) {
    const earlier = nodes.get(task.nodeId);
    const settled = task.phase === 'committed' || task.phase === 'skipped';
    // One that did not come back from its rollback in time has failed too: nobody knows what it runs.
    const unconfirmed = task.phase === 'failed' && task.failure?.phase === 'rolling-back';
    const untouched = task.phase === 'pending' || task.phase === 'staged' || (task.phase === 'failed' && !unconfirmed);
    const to = task.to === target.buildHash ? target : namedAs(task.to, earlier?.before ?? null);
    // A revert appends a task of its own: what ran before the update is what the first task of the node says.
    nodes.set(task.nodeId, {
      nodeId: task.nodeId,
      before: earlier?.before ?? task.from,
      after: settled ? to : untouched || task.phase === 'rolled-back' ? task.from : null,
      phase: task.phase,
      durationsMs: addUp(earlier?.durationsMs ?? {}, task.durations),
      bytesTransferred: (earlier?.bytesTransferred ?? 0) + task.bytesTransferred,
    });
  }
  const rows = [...nodes.values()];
  return {
    outcome: record.outcome,
    updateId: record.id,
    target,
    nodes: rows,
    raftLeaderChanges: record.raftLeaderChanges,
    leaderMoves: record.leaderMoves,
    bytesTransferred: pushedBytes + rows.reduce((sum, node) => sum + node.bytesTransferred, 0),
    elapsedMs,
    failure: record.failure,
    operatorMust: record.operatorMust,
    refusals: [],
  };
}

/** The report of an update that was never begun; `plan` null: it did not even come to a plan. Nothing was touched. */
export function refusedReport(plan: UpdatePlan | null, pushedBytes: number, elapsedMs: number): UpdateReport {
  const nodes = (plan?.order ?? []).map((node) => ({
    nodeId: node.nodeId,
    before: node.from,
    after: node.from,
    phase: 'pending',
    durationsMs: {},
    bytesTransferred: 0,
  }));
  return {
    outcome: 'refused',
    updateId: null,
    target: plan === null ? null : refOf(plan.target),
    nodes,
    raftLeaderChanges: 0,
    leaderMoves: 0,
    bytesTransferred: pushedBytes,
    elapsedMs,
    failure: null,
    operatorMust: null,
    refusals: plan?.refusals ?? [],
  };
}

/** A revert goes back to what the node ran before; of anything else only the hash is known. */
function namedAs(buildHash: string, before: ReleaseRef | null): ReleaseRef {
  return before?.buildHash === buildHash ? before : { buildHash, version: '', gitCommit: '' };
}

function refOf(release: ReleaseRef): ReleaseRef {
  return { buildHash: release.buildHash, version: release.version, gitCommit: release.gitCommit };
}

function addUp(one: Record<string, number>, other: Record<string, number>): Record<string, number> {
  const sum = { ...one };
  for (const [part, ms] of Object.entries(other)) sum[part] = (sum[part] ?? 0) + ms;
  return sum;
}
