import { describe, expect, it } from 'vitest';
import { observation, record } from '../../../test/scenarios/a-record.ts';
import { releaseRef } from '../../../test/scenarios/world.ts';
import { describeStep, nodeOf } from './describe.ts';
import type { Failure, FailureKind } from './failure.ts';
import { currentTask, isEnded, type UpdateRecord } from './record.ts';
import { recordIntent, recordOutcome, type StepOutcome } from './record-step.ts';
import type { TaskPhase } from './states.ts';
import type { Step } from './step.ts';

const ok: StepOutcome = { kind: 'ok', ms: 7 };

const failure = (kind: FailureKind, nodeId = 'n2'): Failure => {
  return { nodeId, kind, phase: 'trial', seen: 'seen', wanted: 'wanted', next: 'next', evidence: ['log'] };
};
const at = (nodeId: string) => ({ nodeId, address: `${nodeId}:7070` });
const phaseOf = (one: UpdateRecord, nodeId: string): TaskPhase => currentTask(one, nodeId).phase;

describe('the intent of a step', () => {
  it('holds the place of a node before it is touched (P1)', () => {
    const { record: next } = recordIntent(record({ n2: 'staged' }), { kind: 'drain', ...at('n2') }, observation());
    expect(next).toMatchObject({ reservation: 'n2', intent: { kind: 'drain' } });
    expect(phaseOf(next, 'n2')).toBe('draining');
  });

  it('keeps, before a switch, which process and which release ran', () => {
    const { record: next } = recordIntent(
      record({ n2: 'draining' }),
      { kind: 'activate', ...at('n2'), release: 'B' },
      observation(),
    );
    expect(currentTask(next, 'n2')).toMatchObject({
      phase: 'activating',
      incarnationBefore: 'n2#1',
      from: releaseRef('A'),
    });
  });

  it('asks again without moving anything', () => {
    const again = recordIntent(
      record({ n2: 'activating' }),
      { kind: 'activate', ...at('n2'), release: 'B' },
      observation(),
    );
    expect(phaseOf(again.record, 'n2')).toBe('activating');
  });

  it('stops the update together with the rollback, and keeps the first failure', () => {
    const before = record({ n2: 'trial' }, { failure: failure('fetch', 'n3') });
    const { record: next } = recordIntent(
      before,
      { kind: 'rollback', ...at('n2'), failure: failure('health') },
      observation(),
    );
    expect(next).toMatchObject({ state: 'stopping', failure: { kind: 'fetch', nodeId: 'n3' } });
    expect(currentTask(next, 'n2')).toMatchObject({ phase: 'rolling-back', failure: { kind: 'health' } });
  });

  it('is an event that says the step in words', () => {
    const step: Step = { kind: 'stage', nodes: [at('n2'), at('n3')], release: 'B', from: 'n1' };
    const { events } = recordIntent(record(), step, observation());
    expect(events).toEqual([{ kind: 'step', nodeId: null, text: 'stage B on n2, n3 from n1', step }]);
  });
});

describe('the outcome of a step', () => {
  it('throws on a move that is none: that is a bug of ours, and must not reach a disk', () => {
    const commit: Step = { kind: 'commit', ...at('n2') };
    expect(() => recordOutcome(record({ n2: 'staged' }), commit, ok)).toThrow(
      /illegal move of n2 .*: staged -> committed/,
    );
    const finish: Step = { kind: 'finish', outcome: 'committed', operatorMust: null };
    expect(() => recordOutcome(record({}, { state: 'done' }), finish, ok)).toThrow(/illegal move of update/);
    expect(() => recordOutcome(record(), { kind: 'commit', ...at('n9') }, ok)).toThrow(/no task for n9/);
  });

  it('that is on record already changes nothing: our own write came after all, whose answer was lost (P5)', () => {
    const steps: [TaskPhase, Step][] = [
      ['trial', { kind: 'trial', ...at('n2'), incarnation: 'i2' }],
      ['committed', { kind: 'commit', ...at('n2') }],
      ['rolled-back', { kind: 'rolledBack', ...at('n2'), failure: failure('start') }],
      ['failed', { kind: 'failed', ...at('n2'), failure: failure('health') }],
    ];
    for (const [phase, step] of steps) {
      const before = record({ n2: phase });
      expect(recordOutcome(before, step, ok), step.kind).toEqual({ record: before, events: [], quarantine: null });
    }
  });

  it('decides nothing when there was no answer, and shows what was seen', () => {
    const before = record({ n2: 'trial' }, { reservation: 'n2' });
    const { record: next, quarantine } = recordOutcome(
      before,
      { kind: 'commit', ...at('n2') },
      { kind: 'retry', ms: 1, seen: 'timeout' },
    );
    expect(next).toMatchObject({ reservation: 'n2', waiting: { nodeId: 'n2', what: 'commit n2', seen: 'timeout' } });
    expect(phaseOf(next, 'n2')).toBe('trial');
    expect(quarantine).toBeNull();
  });

  it('decides nothing when a commit was refused: the truth is on the node', () => {
    const refused: StepOutcome = { kind: 'refused', ms: 1, failure: failure('unknown') };
    const { record: next } = recordOutcome(
      record({ n2: 'trial' }, { reservation: 'n2' }),
      { kind: 'commit', ...at('n2') },
      refused,
    );
    expect(phaseOf(next, 'n2')).toBe('trial');
    expect(next.state).toBe('running');
  });

  it('keeps the place of a node whose switch was refused, until it is known to be back (P1)', () => {
    const refused: StepOutcome = { kind: 'refused', ms: 1, failure: failure('activate') };
    const step: Step = { kind: 'activate', ...at('n2'), release: 'B' };
    const { record: next } = recordOutcome(record({ n2: 'activating' }, { reservation: 'n2' }), step, refused);
    expect(next).toMatchObject({ reservation: 'n2', state: 'stopping' });
    expect(phaseOf(next, 'n2')).toBe('rolling-back');
  });

  it('frees the place with the commit, and adds the durations up', () => {
    const trial = record({ n2: 'trial' }, { reservation: 'n2' });
    const { record: next } = recordOutcome(trial, { kind: 'commit', ...at('n2') }, ok, { stability: 3_000 });
    expect(next.reservation).toBeNull();
    expect(currentTask(next, 'n2')).toMatchObject({ phase: 'committed', durations: { commit: 7, stability: 3_000 } });
  });

  it('takes what was staged node by node: one that fails does not undo the others', () => {
    const step: Step = { kind: 'stage', nodes: [at('n2'), at('n3'), at('n1')], release: 'B', from: 'n1' };
    const good = { ms: 5, bytesTransferred: 9, failure: null };
    const results = [
      { ...good, nodeId: 'n2' },
      { ...good, nodeId: 'n3', failure: failure('self-test', 'n3') },
      { ...good, nodeId: 'n1' },
    ];
    const { record: next, quarantine, events } = recordOutcome(record(), step, { kind: 'staged', ms: 5, results });
    expect(next.tasks.map((task) => task.phase)).toEqual(['staged', 'failed', 'staged']);
    expect(currentTask(next, 'n2')).toMatchObject({ bytesTransferred: 9, durations: { stage: 5 } });
    expect(next.state).toBe('stopping');
    expect(quarantine).toMatchObject({ nodeId: 'n3' });
    expect(events.map((event) => event.kind)).toEqual(['phase', 'failure', 'phase', 'phase']);
  });

  it.each<[FailureKind, boolean]>([
    ['fetch', false],
    ['verify', false],
    ['self-test', true],
    ['activate', false],
    ['start', true],
    ['health', true],
    ['join', true],
    ['stability', true],
    ['quorum', false],
    ['operator', false],
    ['unknown', false],
  ])('quarantines the build for %s: %s (P10)', (kind, quarantined) => {
    const step: Step = { kind: 'rolledBack', nodeId: 'n2', failure: failure(kind) };
    const { quarantine } = recordOutcome(record({ n2: 'rolling-back' }, { state: 'stopping' }), step, ok);
    expect(quarantine !== null).toBe(quarantined);
  });

  it('does not quarantine anything for a way back that failed', () => {
    const before = record({ n2: 'committed' }, { state: 'stopping' });
    const reverting = recordOutcome(before, { kind: 'revert' }, ok).record;
    const flying = {
      ...reverting,
      tasks: reverting.tasks.map((task) => (task.direction === 'back' ? { ...task, phase: 'trial' as const } : task)),
    };
    const step: Step = { kind: 'rolledBack', nodeId: 'n2', failure: failure('health') };
    expect(recordOutcome(flying, step, ok).quarantine).toBeNull();
  });
});

describe('a revert', () => {
  it('goes back in reverse order, to what each node had, and drops what was still to come', () => {
    const before = record({ n2: 'committed', n3: 'committed', n1: 'staged' }, { requested: 'revert' });
    const { record: next, events } = recordOutcome(before, { kind: 'revert' }, ok);
    expect(next.tasks.map((task) => [task.nodeId, task.direction, task.to, task.phase])).toEqual([
      ['n2', 'forward', 'B', 'committed'],
      ['n3', 'forward', 'B', 'committed'],
      ['n3', 'back', 'A', 'pending'],
      ['n2', 'back', 'A', 'pending'],
    ]);
    expect(next).toMatchObject({ state: 'reverting', revertBegun: true, requested: null });
    expect(events[0]?.text).toBe('reverting n3, n2');
  });
});

describe('the end', () => {
  it.each([
    ['committed', 'running', 'done'],
    ['rolled-back', 'stopping', 'aborted'],
    ['failed', 'stopping', 'aborted'],
    ['failed', 'reverting', 'aborted'],
    ['reverted', 'reverting', 'reverted'],
  ] as const)('with %s leads from %s to %s, and leaves nothing held or asked for', (outcome, state, ended) => {
    const before = record({}, { state, requested: 'pause', reservation: 'n2' });
    const { record: next, events } = recordOutcome(before, { kind: 'finish', outcome, operatorMust: null }, ok);
    expect(next).toMatchObject({ state: ended, outcome, reservation: null, requested: null, waiting: null });
    expect(isEnded(next)).toBe(true);
    expect(events).toEqual([{ kind: 'ended', nodeId: null, text: `ended: ${outcome}`, outcome }]);
  });

  it('says what an operator must do', () => {
    const step: Step = { kind: 'finish', outcome: 'failed', operatorMust: 'log in on n2' };
    const { record: next, events } = recordOutcome(record({}, { state: 'stopping' }), step, ok);
    expect(next.operatorMust).toBe('log in on n2');
    expect(events[0]?.text).toContain('log in on n2');
  });
});

describe('words', () => {
  it('names the node that a step is about', () => {
    expect(nodeOf({ kind: 'commit', ...at('n2') })).toBe('n2');
    expect(nodeOf({ kind: 'revert' })).toBeNull();
    const waiting = { nodeId: 'n3', what: 'n3 to be stable', seen: 'x', waitedMs: 0, atMostMs: 1 };
    expect(nodeOf({ kind: 'await', key: 'k', waiting })).toBe('n3');
    expect(describeStep({ kind: 'await', key: 'k', waiting })).toBe('n3 to be stable');
    expect(describeStep({ kind: 'handOver', to: 'n2' })).toContain('n2');
    expect(describeStep({ kind: 'activate', ...at('n2'), release: 'f'.repeat(64) })).toBe(
      `activate ${'f'.repeat(12)} on n2`,
    );
  });

  it('gives an update an id that sorts by time', () => {
    expect(record().id).toBe('u-20260217143000-abc');
  });
});
