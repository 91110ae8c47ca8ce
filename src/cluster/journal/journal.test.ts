import { describe, expect, it } from 'vitest';
import { record as aRecord } from '../../../test/scenarios/a-record.ts';
import { jumpingClock } from '../../../test/support/jumping-clock.ts';
import { keys } from '../../base/store-keys.ts';
import { ClusterError } from '../../errors.ts';
import type { Logger } from '../../ports/logger.ts';
import { memoryStore } from '../testing/memory-store.ts';
import type { Change } from '../update/change.ts';
import type { Failure } from '../update/failure.ts';
import { features } from '../update/features.ts';
import type { UpdateRecord } from '../update/record.ts';
import { recordOutcome } from '../update/record-step.ts';
import { createJournal } from './journal.ts';

function journalOn() {
  const fault: { of: string; answer: ClusterError | null } = { of: '', answer: null };
  const memory = memoryStore({}, (_call, key) => {
    if (key === fault.of && fault.answer !== null) throw fault.answer;
  });
  memory.put(keys.epoch, '1');
  const warned: string[] = [];
  const logger = { warn: (_fields: object, text: string) => void warned.push(text) } as unknown as Logger;
  return { ...memory, memory, fault, warned, journal: createJournal(memory.store, jumpingClock(), 'n1', logger) };
}

const failure = (nodeId: string): Failure => ({
  nodeId,
  kind: 'stability',
  phase: 'trial',
  seen: 'it died',
  wanted: 'it to live',
  next: 'mend it',
  evidence: [],
});

describe('the journal', () => {
  it('an update that was begun has begun, also when what is old cannot be removed', async () => {
    const { journal, fault, warned } = journalOn();
    Object.assign(fault, { of: keys.updates, answer: new ClusterError('unavailable', 'the store does not answer') });
    const record = aRecord();
    await expect(journal.create(record, 'an update')).resolves.toMatchObject({ id: record.id });
    expect(await journal.current()).toMatchObject({ id: record.id });
    expect(warned).toHaveLength(1);
  });

  it('no update begins with a build that was quarantined since preflight read it (P10)', async () => {
    const { journal, memory } = journalOn();
    const record = aRecord();
    const { buildHash } = record.target;
    await journal.setQuarantine({ buildHash, why: 'it is bad', at: '', by: 'ann', evidence: null });
    await expect(journal.create(record, 'an update')).rejects.toMatchObject({ code: 'quarantined' });
    expect(await memory.store.get(keys.update)).toBe(null);
    await journal.setQuarantine({ buildHash, lift: true });
    await expect(journal.create(record, 'an update')).resolves.toMatchObject({ id: record.id });
  });

  it('a build that is blamed is quarantined with the record, and what somebody wrote of it before stands (P10)', async () => {
    for (const by of ['ann', null]) {
      const { journal, memory } = journalOn();
      const record = await journal.create(aRecord({ n2: 'rolling-back' }), 'an update');
      const { buildHash } = record.target;
      if (by !== null) await journal.setQuarantine({ buildHash, why: 'leaks', at: '', by, evidence: null });
      const step = { kind: 'rolledBack', nodeId: 'n2', failure: failure('n2') } as const;
      await journal.change(record.id, 1, (now) => recordOutcome(now, step, { kind: 'ok', ms: 0 }));
      expect(await journal.quarantine(buildHash)).toMatchObject({ by: by ?? record.id });
      expect(memory.held[keys.update]).toContain('rolled-back');
    }
  });

  it('an operator who quarantines what is quarantined changes nothing of what was written', async () => {
    const { journal } = journalOn();
    const entry = { buildHash: 'b'.repeat(64), why: 'first', at: '', by: 'u-1', evidence: null };
    await journal.setQuarantine(entry);
    await journal.setQuarantine({ ...entry, why: 'second', by: 'ann' });
    expect(await journal.quarantine(entry.buildHash)).toEqual(entry);
  });

  it('a step that no longer fits, for the next leader has moved the record on, is a stale one and no fault (P6)', async () => {
    const { journal, put } = journalOn();
    const record = await journal.create(aRecord({ n2: 'rolling-back' }), 'an update');
    const overtaken = journal.change(record.id, 1, () => {
      put(keys.epoch, '2');
      throw new ClusterError('internal', 'illegal move of n2');
    });
    await expect(overtaken).rejects.toMatchObject({ code: 'stale-epoch' });
    const ours = journal.change(record.id, 2, () => {
      throw new ClusterError('internal', 'illegal move of n2');
    });
    await expect(ours).rejects.toMatchObject({ code: 'internal' });
  });

  it('a word that not every member knows is not written, neither at the start nor in a change (P11)', async () => {
    const { journal, memory } = journalOn();
    const table: Record<string, number> = features;
    table['phase staged'] = 2;
    try {
      await expect(journal.create(aRecord({ n2: 'staged' }), 'an update')).rejects.toMatchObject({ code: 'internal' });
      const { id } = await journal.create(aRecord(), 'an update');
      const staged = (now: UpdateRecord): Change => ({
        record: aRecord({ n2: 'staged' }, { id: now.id }),
        events: [],
        quarantine: null,
      });
      const refused = { code: 'internal', detail: { seen: 'phase staged, which came with protocol 2' } };
      await expect(journal.change(id, 1, staged)).rejects.toMatchObject(refused);
      await expect(journal.request(id, staged)).rejects.toMatchObject(refused);
      expect(memory.held[keys.update]).not.toContain('"staged"');
    } finally {
      table['phase staged'] = 1;
    }
  });

  it('a running record that this build cannot read is nobody else’s excuse: exit code 5, with what to do', async () => {
    const { journal, put } = journalOn();
    const record = aRecord();
    for (const text of ['{', JSON.stringify({ ...record, v: 2 })]) {
      put(keys.update, text);
      await expect(journal.current()).rejects.toMatchObject({ code: 'operator-needed', detail: { nodeId: 'n1' } });
      await expect(journal.get(record.id)).rejects.toMatchObject({ code: 'operator-needed' });
      await expect(journal.create(record, 'another')).rejects.toMatchObject({ code: 'operator-needed' });
    }
  });

  it('ended updates can be read while the running one cannot, and a list names what it cannot read', async () => {
    const { journal, put } = journalOn();
    put(keys.update, 'no record at all');
    put(keys.updateRecord('u-1'), JSON.stringify(aRecord({}, { id: 'u-1', state: 'done', outcome: 'committed' })));
    put(keys.updateRecord('u-0'), JSON.stringify({ ...aRecord(), id: 'u-0', v: 2, state: 'resting', outcome: null }));
    expect(await journal.get('u-1')).toMatchObject({ id: 'u-1', outcome: 'committed' });
    const list = await journal.list(0);
    expect(list.map((one) => [one.id, one.state])).toEqual([
      ['?', 'unreadable'],
      ['u-1', 'done'],
      ['u-0', 'resting'],
    ]);
  });
});
