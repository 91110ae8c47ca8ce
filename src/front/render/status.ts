/** `claudecluster status` for people. */
import type { ClusterStatus, NodeStatusView } from '../../cluster/control/status.ts';
import type { UpdateRecord } from '../../cluster/update/record.ts';
import { formatDuration } from '../duration.ts';
import { type Line, line, releaseText, type Span, short, span, table } from './text.ts';

export function statusLines(status: ClusterStatus): Line[] {
  const rows: Line[] = [
    clusterLine(status),
    [span('release '), span(status.release === null ? 'none committed by an update yet' : short(status.release))],
  ];
  if (status.update) rows.push(updateLine(status.update));
  if (status.byHand) rows.push(byHandLine(status.byHand));
  if (status.updateProblem) {
    const { message, seen, next } = status.updateProblem;
    rows.push([span('update  '), span(message, 'bad'), ...(seen ? [span(`: ${seen}`)] : [])]);
    if (next) rows.push([span('next    ', 'dim'), span(next)]);
  }
  rows.push([], ...nodeTable(status.nodes));
  return rows;
}

/** Quorum, leader and Raft leader in one line; also the head of the live view. */
export function clusterLine({ cluster }: ClusterStatus): Line {
  const enough = cluster.healthyVoters >= cluster.quorum;
  const all = cluster.healthyVoters === cluster.voters;
  return [
    span('quorum '),
    span(`${cluster.healthyVoters} of ${cluster.voters} voters healthy`, all ? 'good' : enough ? 'warn' : 'bad'),
    span(`, ${cluster.quorum} needed   leader `),
    cluster.leader ? span(cluster.leader, 'bold') : span('none', 'bad'),
    span(` (epoch ${cluster.epoch})   raft leader `),
    cluster.raftLeader ? span(cluster.raftLeader, 'bold') : span('none', 'bad'),
    span(` (term ${cluster.term})`),
  ];
}

function updateLine(update: UpdateRecord): Line {
  const done = update.tasks.filter(({ phase }) => phase === 'committed' || phase === 'skipped').length;
  const row: Line = [
    span('update  '),
    span(update.id, 'bold'),
    span(` ${update.state} to ${releaseText(update.target)}, ${done} of ${update.tasks.length} nodes done`),
  ];
  if (update.requested) row.push(span(`, ${update.requested} asked for`, 'warn'));
  if (update.reservation) row.push(span(`, down by us: ${update.reservation}`, 'warn'));
  if (update.waiting) row.push(span(`; waits for ${update.waiting.what}: ${update.waiting.seen}`));
  return row;
}

/** It keeps every update from beginning: whoever looks should see it. */
function byHandLine({ nodeId, updateId, at }: NonNullable<ClusterStatus['byHand']>): Line {
  return [span('by hand '), span(nodeId, 'bold'), span(` is out of service for ${updateId} since ${at}`, 'warn')];
}

function nodeTable(nodes: NodeStatusView[]): Line[] {
  const rows = nodes.map((node) => [
    [span(node.nodeId, 'bold')],
    line(node.role),
    line(node.status, node.status === 'active' ? 'plain' : 'warn'),
    healthCell(node),
    line(releaseText(node.release)),
    trialCell(node),
    line(node.lastSeenMsAgo === null ? 'never' : `${formatDuration(node.lastSeenMsAgo)} ago`),
    line(node.address),
  ]);
  const lines = table(['NODE', 'ROLE', 'STATUS', 'HEALTH', 'RELEASE', 'TRIAL', 'SEEN', 'ADDRESS'], rows);
  for (const node of nodes) {
    for (const reason of node.reasons) lines.push([span(`${node.nodeId}: `, 'bold'), span(reason, 'warn')]);
  }
  return lines;
}

function healthCell(node: NodeStatusView): Line {
  return node.healthy ? line('healthy', 'good') : line('unhealthy', 'bad');
}

function trialCell({ trial }: NodeStatusView): Span[] {
  if (trial === null) return line('-');
  const left = trial.healthyInMs === null ? trial.commitInMs : trial.healthyInMs;
  const until = trial.healthyInMs === null ? 'commit' : 'healthy';
  return line(`boot ${trial.bootsUsed}/${trial.bootsMax}, ${formatDuration(left)} to ${until}`, 'warn');
}
