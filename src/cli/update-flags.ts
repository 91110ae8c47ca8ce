/** Every number of an update as a flag: one table, from which flags, help and parsing come. */
import type { Command } from 'commander';
import { defaultOptions, type UpdateOptions } from '../cluster/update/options.ts';
import { ClusterError } from '../errors.ts';
import { formatDuration, parseCount, parseDuration } from '../front/duration.ts';

type NumberOption = { [K in keyof UpdateOptions]: UpdateOptions[K] extends number ? K : never }[keyof UpdateOptions];

interface Flag {
  flag: string;
  unit: 'duration' | 'count';
  help: string;
}

/** Complete by type: a number of UpdateOptions without a flag does not compile. */
const flags: Record<NumberOption, Flag> = {
  healthTimeoutMs: {
    flag: 'health-timeout',
    unit: 'duration',
    help: 'from the activation of a node to healthy on the new release',
  },
  stabilizeTimeoutMs: { flag: 'stabilize-timeout', unit: 'duration', help: 'from healthy to stable' },
  trialMs: { flag: 'trial', unit: 'duration', help: "the node's own deadline for the commit, from the switch" },
  bootsMax: { flag: 'boots', unit: 'count', help: 'starts of the new release before the node goes back' },
  heartbeats: { flag: 'heartbeats', unit: 'count', help: 'consecutive heartbeats that stability needs' },
  maxLagEntries: { flag: 'max-lag', unit: 'count', help: 'Raft entries behind the leader that count as caught up' },
  stageTimeoutMs: {
    flag: 'stage-timeout',
    unit: 'duration',
    help: 'staging one node: transfer, verification, self-test',
  },
  stageConcurrency: { flag: 'stage-concurrency', unit: 'count', help: 'nodes staged at once' },
  drainTimeoutMs: { flag: 'drain-timeout', unit: 'duration', help: 'running tasks may finish for this long' },
  gateTimeoutMs: {
    flag: 'gate-timeout',
    unit: 'duration',
    help: 'wait for quorum, catching up or hand-over before the update stops',
  },
  rollbackTimeoutMs: {
    flag: 'rollback-timeout',
    unit: 'duration',
    help: 'rolling back one node, until it is healthy again',
  },
  canaryMs: {
    flag: 'canary-for',
    unit: 'duration',
    help: 'with --canary: go on by itself after this long; without it an operator resumes',
  },
  max: { flag: 'max', unit: 'count', help: 'at most so many nodes; 0 is all of them' },
  maxUnavailableWorkers: {
    flag: 'max-unavailable-workers',
    unit: 'count',
    help: 'workers out of service at once; voters are always one at a time',
  },
};

/** Numbers for which 0 has a meaning of its own. */
const mayBeZero: readonly NumberOption[] = ['maxLagEntries', 'max'];

/** Adds the flags to a command. Only flags that were given are sent: the cluster has the defaults. */
export function addUpdateFlags(command: Command): Command {
  for (const [name, { flag, unit, help }] of Object.entries(flags)) {
    const value = defaultOptions[name as NumberOption];
    const shown = unit === 'duration' ? formatDuration(value) : String(value);
    command.option(`--${flag} <${unit}>`, `${help} (default ${shown})`);
  }
  return command
    .option('--on-failure <abort|revert>', 'what happens to nodes already updated when one fails (default abort)')
    .option('--canary', 'stop after the first node until `updates resume` (default: go on)')
    .option('--only <node...>', 'only these nodes (default: all)')
    .option('--skip-offline', 'leave offline nodes for later, where the quorum allows (default: refuse)')
    .option(
      '--rehearse',
      'check the way back on every node before the first one is touched (default: the cheap part only)',
    )
    .option('--accept-downtime', 'let one or two voters be without quorum while one restarts (default: refuse)');
}

/** The options that were given, parsed. Throws ClusterError 'usage'. */
export function updateOptionsOf(given: Record<string, unknown>): Partial<UpdateOptions> {
  const options: Partial<UpdateOptions> = {};
  for (const [name, { flag, unit }] of Object.entries(flags)) {
    const text = given[camel(flag)];
    if (typeof text !== 'string') continue;
    options[name as NumberOption] =
      unit === 'duration'
        ? parseDuration(text, `--${flag}`)
        : parseCount(text, `--${flag}`, mayBeZero.includes(name as NumberOption) ? 0 : 1);
  }
  const { onFailure, acceptDowntime } = given;
  if (onFailure === 'abort' || onFailure === 'revert') options.onFailure = onFailure;
  else if (onFailure !== undefined) {
    throw new ClusterError('usage', '--on-failure: not a choice', {
      seen: String(onFailure),
      wanted: 'abort or revert',
    });
  }
  if (acceptDowntime === true) options.acceptDowntime = true;
  if (given.canary === true) options.canary = true;
  if (given.skipOffline === true) options.skipOffline = true;
  if (given.rehearse === true) options.rehearse = true;
  if (Array.isArray(given.only)) options.only = given.only.map(String);
  return options;
}

function camel(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
