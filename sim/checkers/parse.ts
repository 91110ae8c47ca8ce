/** The record in a text, parsed once for all checkers that look at the same write. */
import type { UpdateRecord } from '../../src/cluster/update/types.ts';

const known = new Map<string, UpdateRecord>();

export function recordOf(text: string): UpdateRecord {
  const found = known.get(text);
  if (found !== undefined) return found;
  const record = JSON.parse(text) as UpdateRecord;
  if (known.size >= 4) known.delete(known.keys().next().value ?? '');
  known.set(text, record);
  return record;
}
