/** Numbers that cannot work together are found at plan time, not at night (docs/field.md: moby #37972). */

import type { UpdateOptions } from './options.ts';
import type { Refusal } from './refusal.ts';

/** What a node needs between "stable" and its commit being on disk, ms: one round of polling, one verb. */
export const commitMarginMs = 10_000;

/** Numbers for which zero has a meaning of its own. */
const mayBeZero: readonly string[] = ['maxLagEntries', 'canaryMs', 'max'];

/**
 * @param heartbeatMs the cluster's membership heartbeat
 * @returns one refusal per rule that the numbers break, with the sum spelled out
 */
export function lintTiming(options: UpdateOptions, heartbeatMs: number): Refusal[] {
  const refusals: Refusal[] = [];
  const refuse = (seen: string, wanted: string, next: string): void => {
    refusals.push({ code: 'timing', nodeId: null, seen, wanted, next });
  };

  const needed = options.healthTimeoutMs + options.stabilizeTimeoutMs + commitMarginMs;
  if (options.trialMs < needed) {
    refuse(
      `trial ${options.trialMs} ms < health ${options.healthTimeoutMs} + stabilization ${options.stabilizeTimeoutMs} + commit ${commitMarginMs} = ${needed} ms`,
      'a trial that outlasts the checks that end it',
      `give --trial ${needed}ms or more, or shorter --health-timeout and --stabilize-timeout`,
    );
  }
  const beats = (options.heartbeats + 1) * heartbeatMs;
  if (options.stabilizeTimeoutMs < beats) {
    refuse(
      `stabilization ${options.stabilizeTimeoutMs} ms < (${options.heartbeats} heartbeats + 1) x ${heartbeatMs} = ${beats} ms`,
      'time for the heartbeats that stability needs',
      `give --stabilize-timeout ${beats}ms or more, or fewer --heartbeats`,
    );
  }
  const wayBack = options.trialMs + options.healthTimeoutMs;
  if (options.rollbackTimeoutMs < wayBack) {
    refuse(
      `rollback ${options.rollbackTimeoutMs} ms < trial ${options.trialMs} + health ${options.healthTimeoutMs} = ${wayBack} ms`,
      "time for the node's own guard to end the trial when the node cannot be asked",
      `give --rollback-timeout ${wayBack}ms or more`,
    );
  }
  const next = 'leave the option out for its default';
  for (const [name, value] of Object.entries(options)) {
    if (mayBeZero.includes(name)) {
      if (!(Number.isInteger(value) && value >= 0)) refuse(`${name} = ${value}`, 'a whole number, zero or more', next);
    } else if (name.endsWith('Ms')) {
      if (!(Number.isFinite(value) && value > 0))
        refuse(`${name} = ${value}`, 'a number of milliseconds above zero', next);
    } else if (typeof value === 'number' && !(Number.isInteger(value) && value > 0)) {
      // Half a node cannot be staged: a batch of none would be planned for ever.
      refuse(`${name} = ${value}`, 'a whole number above zero', next);
    }
  }
  return refusals;
}
