/** Edge of the wire: the options of an update as somebody sent them. */
import { z } from 'zod';
import { ClusterError } from '../../errors.ts';
import type { UpdateOptions } from '../update/options.ts';

/** Known names, numbers that can be meant. */
const schema = z
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

/**
 * Those that were given; whoever leads has the defaults of the others.
 * @throws ClusterError 'usage' that names the option
 */
export function parseUpdateOptions(given: unknown): Partial<UpdateOptions> {
  const result = schema.safeParse(given ?? {});
  if (!result.success) {
    const issue = result.error.issues[0];
    const seen = `${issue?.path.join('.') || 'options'}: ${issue?.message ?? ''}`;
    throw new ClusterError('usage', 'the options of the update are not usable', {
      seen,
      wanted: Object.keys(schema.shape).join(', '),
      next: 'see `claudecluster update --help`',
    });
  }
  return Object.fromEntries(Object.entries(result.data).filter(([, value]) => value !== undefined));
}
