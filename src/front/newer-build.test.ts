import { describe, expect, it } from 'vitest';
import { record } from '../../test/scenarios/a-record.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import type { TaskPhase } from '../cluster/update/states.ts';
import { exitOfRecord } from './exit-codes.ts';
import { reportLines, updatesTable } from './render/report.ts';
import { paintAll } from './render/text.ts';
import { reportOf } from './report.ts';
import { seeRecord, startView, viewLines } from './view.ts';

/** As a build of next year may write it: every word that can be new is. */
const newer = {
  ...record({ n2: 'warming-up' as TaskPhase }),
  state: 'resting',
  outcome: 'half-way',
  requested: 'hold',
} as unknown as UpdateRecord;

describe('what a newer build recorded, shown by this one (P11)', () => {
  it('is drawn with its own word for a phase', () => {
    const view = seeRecord(startView('', null, 0), newer, 0);
    expect(paintAll(viewLines(view, 1_000), false)).toMatch(/n2 +warming-up/);
  });

  it('is listed and reported with its own word for an outcome, which is no success', () => {
    expect(paintAll(reportLines(reportOf(newer, 0, 0)), false)).toContain('half-way');
    const row = { ...newer, target: newer.target, nodes: 3 };
    expect(paintAll(updatesTable([row]), false)).toMatch(/resting +half-way/);
    expect(exitOfRecord(newer)).toBe(1);
  });
});
