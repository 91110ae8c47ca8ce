/** What a scenario prints: steps, waits, and whatever of the record changed. */
import { describeFailure, describeStep } from '../../src/cluster/update/describe.ts';
import type { Failure } from '../../src/cluster/update/failure.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { Refusal } from '../../src/cluster/update/refusal.ts';
import type { Step } from '../../src/cluster/update/step.ts';
import type { UpdatePlan } from '../../src/cluster/update/update-plan.ts';
import { formatTime } from './language.ts';
import type { World } from './world.ts';

export function tellStep(step: Step): string[] {
  if (step.kind === 'await') {
    const { what, seen, waitedMs, atMostMs } = step.waiting;
    const limit = atMostMs === 0 ? 'without a limit' : `${formatTime(waitedMs)} of ${formatTime(atMostMs)}`;
    return [`await ${what}: ${seen} (${limit})`];
  }
  const lines = [describeStep(step)];
  if ('failure' in step) lines.push(...tellFailure(step.failure));
  if (step.kind === 'finish' && step.operatorMust !== null) lines.push(`  operator must: ${step.operatorMust}`);
  return lines;
}

export function tellFailure(failure: Failure): string[] {
  const lines = [`  ! ${describeFailure(failure)}`, `  ! next: ${failure.next}`];
  return failure.evidence.length > 0 ? [...lines, `  ! evidence: ${failure.evidence.join(' | ')}`] : lines;
}

/** What a record has that the one before had not. */
export function tellChange(before: UpdateRecord, after: UpdateRecord): string[] {
  const lines: string[] = [];
  after.tasks.forEach((task, at) => {
    const old = before.tasks.includes(task) ? task : before.tasks[at];
    const samePart = old?.nodeId === task.nodeId && old.direction === task.direction;
    if (!samePart) lines.push(`  ${task.nodeId}: back to ${task.to}, ${task.phase}`);
    else if (old.phase !== task.phase) lines.push(`  ${task.nodeId}: ${old.phase} -> ${task.phase}`);
  });
  if (before.reservation !== after.reservation) lines.push(`  reservation: ${after.reservation ?? 'none'}`);
  if (before.state !== after.state) lines.push(`  update: ${before.state} -> ${after.state}`);
  if (before.outcome !== after.outcome) lines.push(`  outcome: ${after.outcome}`);
  return lines;
}

export function tellRecord(record: UpdateRecord): string[] {
  const lines = [
    `update ${record.state}, outcome ${record.outcome ?? 'open'}, reservation ${record.reservation ?? 'none'}`,
  ];
  for (const task of record.tasks) {
    const way = task.direction === 'back' ? ` back to ${task.to}` : '';
    lines.push(`  ${task.nodeId}${way}: ${task.phase}`);
  }
  if (record.failure !== null) lines.push(`  because of ${describeFailure(record.failure)}`);
  if (record.operatorMust !== null) lines.push(`  operator must: ${record.operatorMust}`);
  return lines;
}

export function tellPlan(plan: UpdatePlan): string[] {
  const tellTurn = ({ nodeId, skip, left }: UpdatePlan['order'][number]): string =>
    left !== '' ? `[${nodeId}: ${left}]` : skip ? `(${nodeId})` : nodeId;
  const order = plan.order.map(tellTurn).join(', ');
  const refusals = plan.refusals.flatMap(tellRefusal);
  if (refusals.length > 0) return refusals;
  const times = `${formatTime(plan.bestMs)} to ${formatTime(plan.worstMs)}`;
  const moves = plan.leaderMoves.length > 0 ? `; leader moves ${plan.leaderMoves.join(', ')}` : '';
  return [`plan: ${order}; quorum ${plan.quorum} of ${plan.voters}; ${times}${moves}`];
}

function tellRefusal({ code, nodeId, seen, wanted, next }: Refusal): string[] {
  return [`refused: ${code}${nodeId === null ? '' : ` on ${nodeId}`}: ${seen}; wanted: ${wanted}`, `  next: ${next}`];
}

export function tellWorld(world: World): string[] {
  const lines = [`${world.self} leads, epoch ${world.epoch}; the Raft leader is on ${world.raftLeader ?? 'no node'}`];
  for (const node of world.nodes) {
    const trial = node.trial === null ? '' : ', on trial';
    const state = !node.answers ? 'silent' : node.healthy ? 'healthy' : `unhealthy: ${node.reasons.join('; ')}`;
    lines.push(
      `  ${node.nodeId}: ${node.role}, runs ${node.runs}${trial}, ${state}${node.draining ? ', draining' : ''}`,
    );
  }
  return lines;
}
