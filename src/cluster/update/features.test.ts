import { describe, expect, it } from 'vitest';
import { record as aRecord, observation } from '../../../test/scenarios/a-record.ts';
import { versionOf } from '../../../test/scenarios/world.ts';
import { refuseUnspoken, speaks, updateProtocol } from './features.ts';
import { newRecord } from './new-record.ts';
import type { NodeObservation } from './observation.ts';
import { defaultOptions } from './options.ts';
import { preflight } from './preflight.ts';
import type { UpdateRecord } from './record.ts';

const protocol = (max: number) => ({ protocol: { min: Math.min(1, max), max } });
const member = (max: number, status: NodeObservation['status'] = 'active') => ({ ...protocol(max), status });
/** As a later build has it: one word of today is its news. */
const table = { 'state running': 1, 'phase staged': 3 };

describe('the protocol of an update (P11)', () => {
  it('is the lowest of all members and of the target: those that are away count, those that wait for approval do not', () => {
    expect(updateProtocol([member(3), member(4)], protocol(5))).toBe(3);
    expect(updateProtocol([member(3), member(2, 'offline')], protocol(5))).toBe(2);
    expect(updateProtocol([member(3), member(1, 'pending_approval')], protocol(5))).toBe(3);
    expect(updateProtocol([member(3), member(4)], protocol(1))).toBe(1);
    expect(updateProtocol([member(3), member(0)], protocol(3))).toBe(0);
  });

  it('is written into the record when the update begins', () => {
    const seen = observation();
    for (const node of seen.nodes) node.protocol = { min: 1, max: node.nodeId === 'n3' ? 2 : 4 };
    const version = { ...versionOf('B'), protocol: { min: 1, max: 3 } };
    const none = { running: null, quarantine: null, leader: 'n1', planHash: null };
    const plan = preflight({ observation: seen, options: defaultOptions, release: { version, sizeBytes: 1 }, ...none });
    expect(plan).toMatchObject({ protocol: 2, refusals: [] });
    const beginning = { service: 's', startedAt: '2026', suffix: 'a', by: 'ops', leader: 'n1', epoch: 1 };
    expect(newRecord(plan, defaultOptions, { ...beginning, kind: 'update' })).toMatchObject({ v: 1, protocol: 2 });
  });
});

describe('what others must understand', () => {
  const of = (said: number | undefined): Pick<UpdateRecord, 'protocol'> =>
    said === undefined ? {} : { protocol: said };

  it('is spoken in an update whose protocol has it, and in none that an older build began', () => {
    expect(speaks(of(3), 'phase staged', table)).toBe(true);
    expect(speaks(of(2), 'phase staged', table)).toBe(false);
    expect(speaks(of(undefined), 'phase staged', table)).toBe(false);
  });

  it('is never less than what the first protocol had, whatever the record says', () => {
    for (const said of [undefined, 0, 1]) expect(speaks(of(said), 'phase trial')).toBe(true);
  });

  it('is not written before: the word and the protocol are named, and a word of a newer build is passed on', () => {
    const record = aRecord({ n2: 'staged' }, { protocol: 2 });
    expect(() => refuseUnspoken(record, table)).toThrow(
      expect.objectContaining({
        detail: expect.objectContaining({ seen: 'phase staged, which came with protocol 3' }),
      }),
    );
    expect(() => refuseUnspoken({ ...record, protocol: 3 }, table)).not.toThrow();
    expect(() => refuseUnspoken(aRecord({ n2: 'resting' as never }))).not.toThrow();
  });
});
