/**
 * Edge of the store: what is read from it is checked here once. Unknown fields stay, and so do unknown words, for builds must
 * read each other's (P11); who is to act on a record asks newer-record.ts whether it can.
 */
import { z } from 'zod';
import { ClusterError } from '../errors.ts';
import { defaultOptions } from './update/options.ts';
import type { UpdateEvent, UpdateOptions, UpdateRecord } from './update/types.ts';

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
});
const event = z.looseObject({ number: z.int(), updateId: z.string(), kind: z.string(), text: z.string() });

/** Options as somebody sent them: known names, numbers above zero; the rest are the defaults. */
const options = z
  .strictObject({
    healthTimeoutMs: z.int().positive(),
    stabilizeTimeoutMs: z.int().positive(),
    trialMs: z.int().positive(),
    bootsMax: z.int().positive().max(100),
    heartbeats: z.int().positive().max(1000),
    maxLagEntries: z.int().nonnegative(),
    stageTimeoutMs: z.int().positive(),
    stageConcurrency: z.int().positive().max(64),
    drainTimeoutMs: z.int().positive(),
    gateTimeoutMs: z.int().positive(),
    rollbackTimeoutMs: z.int().positive(),
    onFailure: z.enum(['abort', 'revert']),
    acceptDowntime: z.boolean(),
    rehearse: z.boolean(),
    canary: z.boolean(),
    canaryMs: z.int().nonnegative(),
    only: z.array(z.string().min(1)).max(1000),
    max: z.int().nonnegative(),
    skipOffline: z.boolean(),
    maxUnavailableWorkers: z.int().positive().max(1000),
  })
  .partial();

function parse<T>(schema: z.ZodType, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ClusterError('internal', `${what} is not JSON`, { seen: text.slice(0, 80) }, cause);
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    const seen = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
    throw new ClusterError('internal', `${what} is not readable by this build`, {
      seen,
      next: 'it was written by a newer build, or is damaged: ask a node that runs the newest build',
    });
  }
  return result.data as T;
}

export const parseRecord = (text: string): UpdateRecord => parse<UpdateRecord>(record, text, "the update's record");
export const parseEvent = (text: string): UpdateEvent => parse<UpdateEvent>(event, text, 'an event of the update');

/** @throws ClusterError 'usage' that names the option */
export function parseOptions(given: unknown): UpdateOptions {
  const result = options.safeParse(given ?? {});
  if (!result.success) {
    const issue = result.error.issues[0];
    const seen = `${issue?.path.join('.') || 'options'}: ${issue?.message ?? ''}`;
    throw new ClusterError('usage', 'the options of the update are not usable', {
      seen,
      next: 'see `claudecluster update --help`',
    });
  }
  const known = Object.fromEntries(Object.entries(result.data).filter(([, value]) => value !== undefined));
  return { ...defaultOptions, ...known };
}
