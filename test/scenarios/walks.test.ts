/**
 * Random stories in the language of the scenarios: whatever happens to nodes and leaders, at most one voter is in our
 * hands (P1), and once the trouble is over the update ends and its record tells the truth. A story that fails is printed
 * as the commands that make it: paste them into a scenario.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEnded, type NodeTask, type UpdateRecord } from '../../src/cluster/update/record.ts';
import { propertyRuns, propertyTimeoutMs } from './arbitraries.ts';
import { openStory, runLine, type Story } from './runner.ts';
import type { WorldNode } from './world.ts';

/** Looks until the update ends when all is well again; a wait is a second. */
const looksAtMost = 1_000;

const voters = ['n1', 'n2', 'n3', 'n4', 'n5'];
const nodes = [...voters, 'w1', 'w2'];

const often = (line: string): fc.Arbitrary<string[]> => fc.constant([line]);
const happening: fc.Arbitrary<string[]> = fc.oneof(
  { arbitrary: often('step'), weight: 12 },
  { arbitrary: fc.constantFrom('1s', '3s', '15s', '61s').map((time) => [`wait ${time}`]), weight: 5 },
  { arbitrary: fc.constantFrom(...nodes).map((id) => [`node ${id} restarts`]), weight: 4 },
  {
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          'step lost',
          'step unrecorded',
          'step retry="no answer"',
          'step refused="no"',
          'step done-but-refused="no"',
        ),
        fc.constantFrom(...voters),
      )
      .map(([line, id]) => (/lost|unrecorded/.test(line) ? [line, `leader ${id}`] : [line])),
    weight: 3,
  },
  {
    arbitrary: fc
      .tuple(
        fc.constantFrom(...nodes),
        fc.constantFrom(
          'goes-back',
          'goes-back forgotten',
          'is silent',
          'is answering',
          'is unhealthy why="no disk"',
          'is healthy',
          'is mute',
          'is beating',
          'has lag=4000',
          'has lag=0',
          'has tasks=1',
          'has tasks=0',
          'has raft=down',
          'has raft=up',
        ),
      )
      .map(([id, what]) => [`node ${id} ${what}`]),
    weight: 4,
  },
  { arbitrary: fc.constantFrom(...voters).map((id) => [`leader ${id}`]), weight: 1 },
  { arbitrary: fc.constantFrom(...voters).map((id) => [`raft leader=${id}`]), weight: 1 },
  { arbitrary: fc.constantFrom('pause', 'resume', 'abort', 'revert').map((wish) => [`request ${wish}`]), weight: 1 },
);

/** Somewhere in the middle of a walk: trouble before the first switch is only a part of it. */
const reached = fc
  .tuple(fc.constantFrom('n2', 'n3', 'w1', 'n1'), fc.constantFrom('draining', 'activating', 'trial', 'committed'))
  .map(([id, phase]) => `walk until=${id}:${phase}`);

const beginning = fc
  .tuple(
    fc.constantFrom(3, 5),
    fc.boolean(),
    fc.constantFrom('abort', 'revert'),
    fc.constantFrom('', ' canary=yes', ' canary=yes canary-for=30s', ' rehearse=yes'),
    reached,
  )
  .map(([size, workers, onFailure, more, middle]) => [
    `cluster voters=${voters.slice(0, size).join(',')}${workers ? ' workers=w1,w2' : ''} leader=n1 raft=n2`,
    `update to=B gate=20s drain=10s workers-at-once=2 on-failure=${onFailure}${more}`,
    middle,
  ]);

function tell(story: Story, lines: string[], line: string): string[] {
  lines.push(line);
  const printed = runLine(story, line);
  // The guards keep their deadlines whatever the leader does (P3).
  for (const { nodeId, trial } of line.startsWith('wait') ? story.world.nodes : []) {
    if (trial?.commitInMs === 0)
      tell(story, lines, `node ${nodeId} goes-back cause=commit-deadline why="not committed in time"`);
  }
  return printed;
}

const inOurHands = (node: WorldNode): boolean =>
  node.role === 'voter' && (node.trial !== null || node.installed !== node.runs);

function recordOf(story: Story): UpdateRecord {
  if (story.record === null) throw new Error('there is no update');
  return story.record;
}

const hasNode = (story: Story, line: string): boolean => {
  const id = /\b([nw]\d)\b/.exec(line)?.[1];
  return id === undefined || line.startsWith('cluster') || story.world.nodes.some((node) => node.nodeId === id);
};

function recover(story: Story, lines: string[]): void {
  tell(story, lines, 'request resume');
  for (const { nodeId } of story.world.nodes) {
    tell(story, lines, `node ${nodeId} is answering healthy beating`);
    tell(story, lines, `node ${nodeId} has lag=0 tasks=0`);
    if (nodeId.startsWith('n')) tell(story, lines, `node ${nodeId} has raft=up`);
    else tell(story, lines, `node ${nodeId} has lag=unknown`);
  }
}

/** Every node does what a good one does. */
function goOnUntilTheEnd(story: Story, lines: string[]): void {
  for (let looks = 0; looks < looksAtMost && !isEnded(recordOf(story)); looks += 1) {
    const printed = tell(story, lines, 'step');
    if (!printed[0]?.startsWith('await')) continue;
    for (const node of story.world.nodes)
      if (node.installed !== node.runs) tell(story, lines, `node ${node.nodeId} restarts`);
    tell(story, lines, 'wait 1s');
  }
}

function lastTask(record: UpdateRecord, nodeId: string): NodeTask | undefined {
  return record.tasks.findLast((task) => task.nodeId === nodeId);
}

/** What the record says that the node runs for good; null: it says that an operator must look. */
function expectedRelease(record: UpdateRecord, nodeId: string): string | null {
  const task = lastTask(record, nodeId);
  if (task === undefined || record.operatorMust !== null) return null;
  if (task.phase === 'committed' || task.phase === 'skipped') return task.to;
  return task.direction === 'back' ? 'B' : 'A';
}

describe('random stories', { timeout: propertyTimeoutMs }, () => {
  it('never have two voters in our hands, end when the trouble is over, and are recorded as they were', () => {
    fc.assert(
      fc.property(beginning, fc.array(happening, { maxLength: 60 }), (begin, happenings) => {
        const story = openStory();
        const lines: string[] = [];
        const check = (): void => {
          const held = story.world.nodes.filter(inOurHands).map((node) => node.nodeId);
          expect(held.length, `two voters in our hands:\n${lines.join('\n')}`).toBeLessThanOrEqual(1);
        };
        for (const line of begin) if (hasNode(story, line)) tell(story, lines, line);
        for (const line of happenings.flat().filter((one) => hasNode(story, one))) {
          if (isEnded(recordOf(story))) break;
          tell(story, lines, line);
          check();
        }
        recover(story, lines);
        goOnUntilTheEnd(story, lines);
        check();
        const record = recordOf(story);
        expect(isEnded(record), `it does not end:\n${lines.join('\n')}`).toBe(true);
        expect(record.reservation).toBeNull();
        for (let minute = 0; minute < 4; minute += 1) tell(story, lines, 'wait 60s');
        for (const node of story.world.nodes) {
          expect(node.trial, `${node.nodeId} is on trial for ever:\n${lines.join('\n')}`).toBeNull();
          const expected = expectedRelease(record, node.nodeId);
          if (expected !== null) expect(node.installed, `${node.nodeId}:\n${lines.join('\n')}`).toBe(expected);
        }
      }),
      propertyRuns,
    );
  });
});
