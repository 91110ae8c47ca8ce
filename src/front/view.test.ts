import { describe, expect, it } from 'vitest';
import { paintAll } from './render/text.ts';
import { fakeEvent, fakeRecord, fakeStatus, fakeTask } from './testing/documents.ts';
import {
  eventLine,
  seeEvent,
  seeLooking,
  seeRecord,
  seeStatus,
  startView,
  type View,
  viewLines,
  waitingLeftMs,
} from './view.ts';

const waiting = { nodeId: 'n2', what: 'n2 to be stable', seen: '2 of 3 heartbeats', waitedMs: 4000, atMostMs: 45_000 };
const running = fakeRecord({
  state: 'running',
  outcome: null,
  lastEvent: 5,
  tasks: [
    fakeTask('n2', { phase: 'trial', durations: { stage: 350 } }),
    fakeTask('n3', { phase: 'staged', durations: { stage: 1200 } }),
    fakeTask('n1', { phase: 'pending', durations: {} }),
  ],
});
const draw = (view: View, nowMs: number, rows?: number): string => paintAll(viewLines(view, nowMs, rows), false);

describe('the live view', () => {
  it('shows a line per node, with quorum, leader and what is waited for and for how much longer', () => {
    let view = startView('u-1', running, 0);
    view = seeStatus(view, fakeStatus(), 1000);
    view = seeEvent(view, fakeEvent(6, { kind: 'waiting', waiting, text: 'waiting' }), 2000);
    expect(draw(view, 12_000)).toBe(
      `update u-1 to 0.2.0 1f3c1f3c1f, running   elapsed 12.0s
quorum 3 of 3 voters healthy, 2 needed   leader n1 (epoch 3)   raft leader n1 (term 4)
  ▸ n2  trial         waits for n2 to be stable, at most 31.0s more: 2 of 3 heartbeats
  · n3  staged        stage 1.2s
  · n1  pending
`,
    );
  });

  it('what is waited for until somebody acts has no time that is over', () => {
    const paused = {
      nodeId: null,
      what: 'an operator to resume',
      seen: 'paused, 2 nodes to go',
      waitedMs: 0,
      atMostMs: 0,
    };
    const view = seeEvent(
      startView('u-1', running, 0),
      fakeEvent(6, { kind: 'waiting', nodeId: null, waiting: paused }),
      1,
    );
    expect(draw(view, 9000)).toContain('  waits for an operator to resume: paused, 2 nodes to go\n');
    expect(waitingLeftMs(view, 9000)).toBeNull();
  });

  it('while no node answers says for whom it looks, and forgets it with the next event', () => {
    let view = seeLooking(startView('u-1', running, 0), 'connection refused', 1000);
    view = seeLooking(view, 'still refused', 3000);
    expect(draw(view, 4000)).toContain('looking for the leader for 3.0s: still refused\n');
    expect(draw(seeEvent(view, fakeEvent(6), 5000), 5000)).not.toContain('looking');
  });

  it('an event moves its node on, and says what is being done to it', () => {
    const view = seeEvent(
      startView('u-1', running, 0),
      fakeEvent(6, { nodeId: 'n3', phase: 'draining', text: 'drain n3' }),
      1,
    );
    expect(draw(view, 1)).toContain('  ▸ n3  draining      drain n3\n');
  });

  it('a record older than the events does not take anything back', () => {
    let view = startView('u-1', running, 0);
    view = seeEvent(view, fakeEvent(9, { phase: 'committed' }), 1);
    view = seeRecord(view, { ...running, lastEvent: 7 }, 2);
    expect(draw(view, 2)).toContain('✓ n2  committed');
    view = seeRecord(view, { ...running, lastEvent: 9 }, 3);
    expect(draw(view, 3)).toContain('▸ n2  trial');
  });

  it('another update is not taken for this one', () => {
    const view = startView('u-1', running, 0);
    expect(seeRecord(view, fakeRecord({ id: 'u-2' }), 1)).toBe(view);
  });

  it('what concerns no node stands below', () => {
    const view = seeEvent(startView('u-1', running, 0), fakeEvent(6, { nodeId: null, text: 'hand over to n2' }), 1);
    expect(draw(view, 1)).toMatch(/pending\n {2}hand over to n2\n$/);
  });

  it('of many nodes shows those that are next, and how many are left out', () => {
    const tasks = Array.from({ length: 30 }, (_, index) =>
      fakeTask(`n${index}`, { phase: index < 20 ? 'committed' : 'pending', durations: {} }),
    );
    const shown = draw(startView('u-1', { ...running, tasks }, 0), 0, 7);
    expect(shown.trimEnd().split('\n')).toHaveLength(7);
    expect(shown).toContain('n20');
    expect(shown).toContain('… 25 more nodes');
  });

  it('an event as a plain line has the time since the start, and names its node', () => {
    expect(paintAll([eventLine(fakeEvent(1, { text: 'committed' }), 12_300)], false)).toBe('   12.3s  n2: committed\n');
    expect(paintAll([eventLine(fakeEvent(1, { text: 'n2 is committed' }), 5)], false)).toBe(
      '     5ms  n2 is committed\n',
    );
  });
});
