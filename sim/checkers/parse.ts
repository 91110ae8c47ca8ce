/** The record in a text of the store. */
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import { readBack } from '../world/texts.ts';

export function recordOf(text: string): UpdateRecord {
  return readBack(text) as UpdateRecord;
}
