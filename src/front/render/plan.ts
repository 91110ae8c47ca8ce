/** A plan for people: what would happen, in which order, and every reason why it may not (P8). */
import type { Refusal } from '../../cluster/update/refusal.ts';
import type { UpdatePlan } from '../../cluster/update/update-plan.ts';
import { formatBytes, formatDuration } from '../duration.ts';
import { type Line, line, releaseText, short, span, table } from './text.ts';

export function planLines(plan: UpdatePlan): Line[] {
  const { target } = plan;
  const rows: Line[] = [
    [
      span('Update to '),
      span(`${target.version || '?'} ${short(target.buildHash)}`, 'bold'),
      span(target.gitCommit ? ` (commit ${target.gitCommit}, built ${target.builtAt})` : ''),
    ],
    line(
      `${plan.healthyVoters} of ${plan.voters} voters healthy, ${plan.quorum} needed · ` +
        `best ${formatDuration(plan.bestMs)}, worst ${formatDuration(plan.worstMs)} · ` +
        `at most ${formatBytes(plan.bytesAtMost)} to each node`,
    ),
    [],
    ...orderTable(plan),
  ];
  if (plan.leaderMoves.length > 0) rows.push([], line('Leader moves', 'bold'), ...bullets(plan.leaderMoves));
  if (plan.notes.length > 0) rows.push([], line('Notes', 'bold'), ...bullets(plan.notes));
  rows.push([]);
  if (plan.refusals.length === 0) rows.push([span('Plan '), span(plan.planHash, 'bold'), span(' can go.')]);
  else rows.push(line('Refused', 'bad'), ...plan.refusals.flatMap(refusalLines));
  return rows;
}

function orderTable(plan: UpdatePlan): Line[] {
  const rows = plan.order.map((node, index) => [
    line(String(index + 1)),
    line(node.nodeId, 'bold'),
    line(node.role),
    line(releaseText(node.from)),
    thenCell(plan, node),
    line(node.address),
  ]);
  return table(['#', 'NODE', 'ROLE', 'RUNS', 'THEN', 'ADDRESS'], rows, '  ');
}

function thenCell(plan: UpdatePlan, node: UpdatePlan['order'][number]): Line {
  if (node.left) return line(`left out: ${node.left}`, 'warn');
  return node.skip ? line('there already', 'dim') : line(releaseText(plan.target));
}

function bullets(texts: string[]): Line[] {
  return texts.map((text) => line(`  - ${text}`));
}

/** "  node-stale n3: seen …" and below it what was wanted and what to do. */
function refusalLines(refusal: Refusal): Line[] {
  const rows: Line[] = [
    [
      span('  '),
      span(refusal.code, 'bad'),
      span(refusal.nodeId ? ` ${refusal.nodeId}` : '', 'bold'),
      span(`: ${refusal.seen}`),
    ],
    [span('    wanted: ', 'dim'), span(refusal.wanted)],
  ];
  if (refusal.next) rows.push([span('    next:   ', 'dim'), span(refusal.next)]);
  return rows;
}
