/**
 * Edge of the store: what is read from it is checked here once. Unknown fields stay, and so do unknown words, for builds must
 * read each other's (P11); who is to act on a record asks newer-record.ts whether it can.
 */
import { z } from 'zod';
import { parseAs } from '../../base/parse-as.ts';
import { ClusterError } from '../../errors.ts';
import type { UpdateEvent } from '../update/event.ts';
import type { UpdateRecord } from '../update/record.ts';

const releaseRef = z.looseObject({ buildHash: z.string(), version: z.string(), gitCommit: z.string() });
const failure = z.looseObject({ nodeId: z.string(), kind: z.string(), seen: z.string(), wanted: z.string() });
const task = z.looseObject({
  nodeId: z.string(),
  address: z.string(),
  role: z.string(),
  from: releaseRef.nullable(),
  to: z.string(),
  direction: z.string(),
  phase: z.string(),
  incarnationBefore: z.string(),
  incarnationTrial: z.string(),
  durations: z.record(z.string(), z.number()),
  failure: failure.nullable(),
});
const record = z.looseObject({
  v: z.literal(1),
  service: z.string(),
  id: z.string(),
  state: z.string(),
  target: z.looseObject({ buildHash: z.string(), version: z.string(), gitCommit: z.string() }),
  options: z.looseObject({ healthTimeoutMs: z.number() }),
  tasks: z.array(task),
  lastEvent: z.int(),
  epoch: z.number(),
  protocol: z.int().nonnegative().optional(),
});
const event = z.looseObject({ number: z.int(), updateId: z.string(), kind: z.string(), text: z.string() });

/** @throws ClusterError 'internal' that names the field */
function parse<T>(schema: z.ZodType, text: string, what: string): T {
  const parsed = parseAs(text, schema);
  if ('value' in parsed) return parsed.value as T;
  const next = 'it was written by a newer build, or is damaged: ask a node that runs the newest build';
  throw new ClusterError('internal', `${what} is not readable by this build`, { seen: parsed.problem, next });
}

export const parseUpdateRecord = (text: string): UpdateRecord =>
  parse<UpdateRecord>(record, text, "the update's record");
export const parseUpdateEvent = (text: string): UpdateEvent =>
  parse<UpdateEvent>(event, text, 'an event of the update');
