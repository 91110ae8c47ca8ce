/**
 * The live view of an update: a plain value, changed by what arrives, drawn by a pure function. It holds what the last
 * status said, what events said since, and when by this machine's monotonic clock each of them arrived.
 */
import type { ClusterStatus } from '../cluster/control/status.ts';
import type { UpdateEvent } from '../cluster/update/event.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import type { TaskPhase } from '../cluster/update/states.ts';
import type { Waiting } from '../cluster/update/step.ts';
import { formatDuration } from './duration.ts';
import { stepsText } from './render/report.ts';
import { clusterLine } from './render/status.ts';
import { type Line, line, releaseText, type Style, span } from './render/text.ts';

interface NodeView {
  nodeId: string;
  phase: TaskPhase;
  durations: Record<string, number>;
  /** Last thing that an event said about it. */
  said: string;
}

export interface View {
  updateId: string;
  startedMs: number;
  status: ClusterStatus | null;
  record: UpdateRecord | null;
  nodes: NodeView[];
  waiting: { what: Waiting; atMs: number } | null;
  /** Last thing that an event said about the update as a whole. */
  said: string;
  /** Why no node answers, and since when; null while one does. */
  looking: { why: string; sinceMs: number } | null;
  lastEvent: number;
}

export function startView(updateId: string, record: UpdateRecord | null, nowMs: number): View {
  const view: View = {
    updateId,
    startedMs: nowMs,
    status: null,
    record: null,
    nodes: [],
    waiting: null,
    said: '',
    looking: null,
    lastEvent: 0,
  };
  return record ? seeRecord(view, record, nowMs) : view;
}

/** A newer record: its tasks are the truth about phases and durations. An older one than the events is not taken. */
export function seeRecord(view: View, record: UpdateRecord, nowMs: number): View {
  if (record.id !== view.updateId && view.updateId !== '') return view;
  if (record.lastEvent < view.lastEvent) return { ...view, record };
  const tasks = new Map(record.tasks.map((task) => [task.nodeId, task]));
  const nodes = [...tasks.values()].map((task) => ({
    nodeId: task.nodeId,
    phase: task.phase,
    durations: task.durations,
    said: view.nodes.find(({ nodeId }) => nodeId === task.nodeId)?.said ?? '',
  }));
  const waiting = record.waiting ? { what: record.waiting, atMs: nowMs } : null;
  return { ...view, record, nodes, waiting, updateId: record.id };
}

export function seeStatus(view: View, status: ClusterStatus, nowMs: number): View {
  const next = { ...view, status };
  return status.update ? seeRecord(next, status.update, nowMs) : next;
}

export function seeEvent(view: View, event: UpdateEvent, nowMs: number): View {
  const next: View = { ...view, looking: null, lastEvent: event.number, updateId: event.updateId };
  next.waiting = event.waiting ? { what: event.waiting, atMs: nowMs } : event.kind === 'waiting' ? view.waiting : null;
  const { nodeId } = event;
  next.said = nodeId === null ? event.text : '';
  if (nodeId === null) return next;
  const known = view.nodes.find((node) => node.nodeId === nodeId);
  const node: NodeView = known ?? { nodeId, phase: 'pending', durations: {}, said: '' };
  const changed: NodeView = { ...node, phase: event.phase ?? node.phase, said: event.text };
  next.nodes = known ? view.nodes.map((each) => (each === known ? changed : each)) : [...view.nodes, changed];
  return next;
}

export function seeLooking(view: View, why: string, nowMs: number): View {
  return { ...view, looking: { why, sinceMs: view.looking?.sinceMs ?? nowMs } };
}

const marks: Record<TaskPhase, { mark: string; style: Style }> = {
  pending: { mark: '·', style: 'dim' },
  staged: { mark: '·', style: 'plain' },
  draining: { mark: '▸', style: 'warn' },
  activating: { mark: '▸', style: 'warn' },
  trial: { mark: '▸', style: 'warn' },
  committed: { mark: '✓', style: 'good' },
  'rolling-back': { mark: '↺', style: 'bad' },
  'rolled-back': { mark: '↺', style: 'bad' },
  failed: { mark: '✗', style: 'bad' },
  skipped: { mark: '–', style: 'dim' },
};

/** A phase of a newer build. */
const unknownPhase = { mark: '▸', style: 'warn' } as const;

const busyPhases: readonly TaskPhase[] = ['draining', 'activating', 'trial', 'rolling-back'];

/** The picture at `nowMs`; at most `rows` lines (the middle of a long list of nodes is left out). */
export function viewLines(view: View, nowMs: number, rows = Number.POSITIVE_INFINITY): Line[] {
  const head = headLines(view, nowMs);
  const nodes = view.nodes.map((node) => nodeLine(view, node, nowMs));
  const tail = tailLines(view, nowMs);
  const room = Math.max(1, rows - head.length - tail.length);
  if (nodes.length <= room) return [...head, ...nodes, ...tail];
  const busy = view.nodes.findIndex(({ phase }) => !['committed', 'skipped'].includes(phase));
  const from = Math.min(Math.max(0, busy), nodes.length - room + 1);
  const shown = nodes.slice(from, from + room - 1);
  return [...head, ...shown, line(`  … ${nodes.length - shown.length} more nodes`, 'dim'), ...tail];
}

function headLines(view: View, nowMs: number): Line[] {
  const first: Line = [span('update '), span(view.updateId, 'bold')];
  if (view.record) first.push(span(` to ${releaseText(view.record.target)}, ${view.record.state}`));
  if (view.record?.requested) first.push(span(`, ${view.record.requested} asked for`, 'warn'));
  first.push(span(`   elapsed ${formatDuration(nowMs - view.startedMs)}`, 'dim'));
  if (view.looking) {
    const since = formatDuration(nowMs - view.looking.sinceMs);
    return [first, [span(`looking for the leader for ${since}: `, 'warn'), span(view.looking.why)]];
  }
  return view.status ? [first, clusterLine(view.status)] : [first];
}

function nodeLine(view: View, node: NodeView, nowMs: number): Line {
  const { mark, style } = marks[node.phase] ?? unknownPhase;
  const row: Line = [
    span(`  ${mark} `, style),
    span(node.nodeId.padEnd(Math.max(...view.nodes.map(({ nodeId }) => nodeId.length))), 'bold'),
    span(`  ${node.phase.padEnd(12)}  `, style),
  ];
  const waiting = view.waiting?.what.nodeId === node.nodeId ? waitingText(view, nowMs) : '';
  if (waiting) return [...row, span(waiting)];
  const steps = stepsText(node.durations);
  // While something is being done to it, that is what is of interest; before and after, how long the steps took.
  const text = busyPhases.includes(node.phase) ? node.said || steps : steps || node.said;
  return [...row, span(text, 'dim')];
}

function tailLines(view: View, nowMs: number): Line[] {
  const named = view.nodes.some(({ nodeId }) => nodeId === view.waiting?.what.nodeId);
  if (view.waiting && !named) return [line(`  ${waitingText(view, nowMs)}`)];
  return view.said && !view.waiting ? [line(`  ${view.said}`, 'dim')] : [];
}

/** For how much longer the present wait may last, in ms; null when nothing is waited for, or until somebody acts. */
export function waitingLeftMs({ waiting }: Pick<View, 'waiting'>, nowMs: number): number | null {
  if (!waiting) return null;
  const { what, atMs } = waiting;
  if (what.atMostMs === 0) return null;
  return Math.max(0, what.atMostMs - what.waitedMs - (nowMs - atMs));
}

/** "waits for n2 to be stable, at most 31.0s more: 2 of 3 heartbeats": what may be long comes last, and is cut first. */
export function waitingText(view: Pick<View, 'waiting'>, nowMs: number): string {
  const leftMs = waitingLeftMs(view, nowMs);
  if (!view.waiting) return '';
  const { what, seen } = view.waiting.what;
  const atMost = leftMs === null ? '' : `, at most ${formatDuration(leftMs)} more`;
  return `waits for ${what}${atMost}: ${seen}`;
}

/** One line of the story for an output that is no terminal. */
export function eventLine(event: UpdateEvent, sinceStartMs: number): Line {
  const when = formatDuration(sinceStartMs).padStart(8);
  const style: Style = event.kind === 'failure' ? 'bad' : event.kind === 'ended' ? 'bold' : 'plain';
  return [span(`${when}  `, 'dim'), span(eventText(event), style)];
}

/** What an event says, with the node that it is about. */
export function eventText({ nodeId, text }: UpdateEvent): string {
  return nodeId === null || text.includes(nodeId) ? text : `${nodeId}: ${text}`;
}
