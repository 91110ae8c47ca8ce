import { describe, expect, it } from 'vitest';
import { record } from '../../test/scenarios/a-record.ts';
import { parseUpdateEvent, parseUpdateRecord } from './journal/record-schema.ts';
import { refuseNewerRecord } from './newer-record.ts';
import type { UpdateRecord } from './update/record.ts';
import { type TaskPhase, taskTransitions, type UpdateState, updateTransitions } from './update/states.ts';

const withTask = (change: object): UpdateRecord => {
  const made = record();
  return { ...made, tasks: made.tasks.map((task) => (task.nodeId === 'n2' ? { ...task, ...change } : task)) };
};
const newer: [what: string, record: UpdateRecord][] = [
  ['state', { ...record(), state: 'resting' as UpdateState }],
  ['requested', { ...record(), requested: 'hold' as 'pause' }],
  ['options.onFailure', record({}, { options: { ...record().options, onFailure: 'ask' as 'abort' } })],
  ['phase of n2', withTask({ phase: 'warming-up' })],
  ['direction of n2', withTask({ direction: 'sideways' })],
  ['role of n2', withTask({ role: 'witness' })],
];

describe('the record of a newer build (P11)', () => {
  it.each(newer)('with an unknown %s is read as it stands, by whoever only shows it', (_, written) => {
    expect(parseUpdateRecord(JSON.stringify(written))).toEqual(written);
  });

  it.each(newer)('with an unknown %s is left to a leader that knows it, and the word is named', (what, written) => {
    expect(() => refuseNewerRecord(written, 'n1')).toThrow(
      expect.objectContaining({
        code: 'operator-needed',
        message: expect.stringContaining('newer build'),
        detail: expect.objectContaining({ nodeId: 'n1', seen: expect.stringContaining(`${what}: `) }),
      }),
    );
  });

  it('with fields, steps and failures of its own is acted on: nothing is decided by those', () => {
    const written = {
      ...withTask({ failure: { nodeId: 'n2', kind: 'weather', seen: 'rain', wanted: 'none' }, mood: 'good' }),
      intent: { kind: 'dance', nodeId: 'n2' },
      pace: 7,
    };
    const parsed = parseUpdateRecord(JSON.stringify(written));
    expect(parsed).toEqual(written);
    expect(() => refuseNewerRecord(parsed, 'n1')).not.toThrow();
  });

  it('of this build is known in every state and phase that there is', () => {
    for (const phase of Object.keys(taskTransitions) as TaskPhase[]) refuseNewerRecord(withTask({ phase }), 'n1');
    for (const state of Object.keys(updateTransitions) as UpdateState[]) {
      refuseNewerRecord({ ...record(), state }, 'n1');
    }
  });

  it('has events that are read whatever kind they are', () => {
    const event = { number: 3, updateId: 'u-1', kind: 'song', text: 'la', at: '', by: 'n1', epoch: 1, nodeId: null };
    expect(parseUpdateEvent(JSON.stringify(event))).toEqual(event);
  });
});
