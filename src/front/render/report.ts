/** The closing lines of an update, and `updates list|show`, for people. */

import type { ReleaseRow, UpdateSummary } from '../../cluster/control/control-api.ts';
import type { Failure } from '../../cluster/update/failure.ts';
import type { UpdateRecord } from '../../cluster/update/record.ts';
import type { Outcome } from '../../cluster/update/states.ts';
import { formatBytes, formatDuration } from '../duration.ts';
import type { UpdateReport } from '../report.ts';
import { type Line, line, releaseText, type Style, short, span, table } from './text.ts';

const outcomeText: Record<Outcome, { text: string; style: Style }> = {
  committed: { text: 'committed: every node runs the new release', style: 'good' },
  refused: { text: 'refused: nothing was touched', style: 'bad' },
  'rolled-back': { text: 'rolled back: the node that failed runs its known-good release', style: 'bad' },
  reverted: { text: 'reverted: the updated nodes run what they ran before', style: 'warn' },
  failed: { text: 'failed', style: 'bad' },
};

/** How a newer build says that an update ended. */
const unknownOutcome = (outcome: string): { text: string; style: Style } => ({ text: outcome, style: 'warn' });

export function reportLines(report: UpdateReport): Line[] {
  const said = report.outcome
    ? (outcomeText[report.outcome] ?? unknownOutcome(report.outcome))
    : { text: 'not ended when last seen', style: 'warn' as const };
  const rows: Line[] = [
    [span(`update ${report.updateId ?? '(none)'} `), span(said.text, said.style)],
    line(
      `took ${formatDuration(report.elapsedMs)}, moved ${formatBytes(report.bytesTransferred)}, ` +
        `Raft leader changes ${report.raftLeaderChanges}`,
    ),
    [],
    ...table(
      ['NODE', 'BEFORE', 'AFTER', 'PHASE', 'STEPS'],
      report.nodes.map((node) => [
        line(node.nodeId, 'bold'),
        line(releaseText(node.before)),
        line(node.after === null ? 'not known' : releaseText(node.after), node.after === null ? 'bad' : 'plain'),
        line(node.phase),
        line(stepsText(node.durationsMs) || '-'),
      ]),
      '  ',
    ),
  ];
  if (report.failure) rows.push([], ...failureLines(report.failure));
  if (report.operatorMust) rows.push([], [span('An operator must: ', 'bad'), span(report.operatorMust)]);
  if (report.updateId) {
    rows.push([], [span('record: ', 'dim'), span(`claudecluster updates show ${report.updateId}`)]);
  }
  return rows;
}

/** "stage 1.2s, health 800ms" */
export function stepsText(durationsMs: Record<string, number>): string {
  return Object.entries(durationsMs)
    .map(([part, ms]) => `${part} ${formatDuration(ms)}`)
    .join(', ');
}

function failureLines(failure: Failure): Line[] {
  const rows: Line[] = [
    [span(`${failure.nodeId} failed`, 'bad'), span(` (${failure.kind}, while ${failure.phase}): ${failure.seen}`)],
    [span('  wanted: ', 'dim'), span(failure.wanted)],
  ];
  if (failure.next) rows.push([span('  next:   ', 'dim'), span(failure.next)]);
  for (const text of failure.evidence) rows.push([span('  | ', 'dim'), span(text)]);
  return rows;
}

export function updatesTable(updates: UpdateSummary[]): Line[] {
  if (updates.length === 0) return [line('No update was ever recorded.')];
  return table(
    ['UPDATE', 'STATE', 'OUTCOME', 'TARGET', 'NODES', 'BY', 'STARTED', 'ENDED'],
    updates.map((update) => [
      line(update.id, 'bold'),
      line(update.kind === 'straggler' ? `${update.state} (straggler)` : update.state),
      update.outcome
        ? line(update.outcome, (outcomeText[update.outcome] ?? unknownOutcome(update.outcome)).style)
        : line('-'),
      line(releaseText(update.target)),
      line(String(update.nodes)),
      line(update.startedBy || '-'),
      line(update.startedAt || '-'),
      line(update.endedAt || '-'),
    ]),
  );
}

export function recordHead(record: UpdateRecord): Line[] {
  const rows: Line[] = [
    [span('update '), span(record.id, 'bold'), span(` ${record.state}`)],
    line(`target ${releaseText(record.target)}, plan ${short(record.planHash)}`),
    line(
      `by ${record.startedBy || '-'}, started ${record.startedAt || '-'}` +
        (record.endedAt ? `, ended ${record.endedAt}` : ''),
    ),
    line(`leader ${record.leader || '-'} (epoch ${record.epoch}), ${record.lastEvent} events`),
  ];
  if (record.requested) rows.push(line(`${record.requested} was asked for`, 'warn'));
  if (record.reservation) rows.push(line(`down by us: ${record.reservation}`, 'warn'));
  return rows;
}

export function releasesTable(releases: ReleaseRow[]): Line[] {
  if (releases.length === 0) return [line('No release is known.')];
  const rows = table(
    ['RELEASE', 'VERSION', 'COMMIT', 'BUILT', 'ON', 'RUNS ON', ''],
    releases.map((release) => [
      line(release.buildHash, 'bold'),
      line(release.version || '-'),
      line(release.gitCommit || '-'),
      line(release.builtAt || '-'),
      line(release.onNodes.join(',') || '-'),
      line(release.runningOn.join(',') || '-'),
      release.quarantine ? line('quarantined', 'bad') : release.committed ? line('committed', 'good') : line(''),
    ]),
  );
  for (const { buildHash, quarantine } of releases) {
    if (!quarantine) continue;
    rows.push(
      line(`${short(buildHash)} quarantined by ${quarantine.by} at ${quarantine.at}: ${quarantine.why}`, 'warn'),
    );
  }
  return rows;
}
