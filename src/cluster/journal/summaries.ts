/** Updates as a list shows them; those that this build cannot read with as much as can be made out. */
import { z } from 'zod';
import { parseAs } from '../../base/parse-as.ts';
import type { UpdateSummary } from '../control/control-api.ts';
import type { UpdateRecord } from '../update/record.ts';
import { parseUpdateRecord } from './record-schema.ts';

const text = z.string().catch('');
const noTarget = { buildHash: '', version: '', gitCommit: '' };
/** A record of a newer build, most likely: any field may have become something else. */
const fragments = z.looseObject({
  id: text,
  state: text,
  outcome: z.string().nullable().catch(null),
  target: z.looseObject({ buildHash: text, version: text, gitCommit: text }).catch(noTarget),
  startedAt: text,
  endedAt: text,
  startedBy: text,
});

/** @param id what is known of it besides, '' for nothing. Never throws: one bad record must not hide the others. */
export function summaryOf(value: string, id: string): UpdateSummary {
  try {
    return summarise(parseUpdateRecord(value));
  } catch {
    const parsed = parseAs(value, fragments);
    const known = 'value' in parsed ? parsed.value : { id: '', state: '', outcome: null, target: noTarget };
    const { buildHash, version, gitCommit } = known.target;
    return {
      kind: 'update',
      startedAt: '',
      endedAt: '',
      startedBy: '',
      nodes: 0,
      ...known,
      id: known.id || id || '?',
      state: (known.state || 'unreadable') as UpdateSummary['state'],
      outcome: known.outcome as UpdateSummary['outcome'],
      target: { buildHash, version, gitCommit },
    };
  }
}

function summarise(record: UpdateRecord): UpdateSummary {
  const { id, state, outcome, startedAt, endedAt, startedBy } = record;
  const { buildHash, version, gitCommit } = record.target;
  return {
    id,
    kind: record.kind ?? 'update',
    state,
    outcome,
    target: { buildHash, version, gitCommit },
    startedAt,
    endedAt,
    startedBy,
    nodes: new Set(record.tasks.map((task) => task.nodeId)).size,
  };
}
