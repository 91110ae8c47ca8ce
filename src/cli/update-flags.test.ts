import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { defaultOptions } from '../cluster/update/options.ts';
import { addUpdateFlags, updateOptionsOf } from './update-flags.ts';

const parse = (argv: string[]): Record<string, unknown> =>
  addUpdateFlags(new Command()).exitOverride().parse(argv, { from: 'user' }).opts();

describe('flags of an update', () => {
  it('every option of an update can be given', () => {
    const argv = [
      ...[
        '--health-timeout',
        '10s',
        '--stabilize-timeout',
        '20s',
        '--trial',
        '1m',
        '--boots',
        '2',
        '--heartbeats',
        '4',
      ],
      ...['--max-lag', '0', '--stage-timeout', '5m', '--stage-concurrency', '1', '--drain-timeout', '3s'],
      ...['--gate-timeout', '4s', '--rollback-timeout', '90s', '--on-failure', 'revert', '--accept-downtime'],
      ...['--rehearse', '--skip-offline', '--only', 'n1', 'n2', '--max', '0', '--max-unavailable-workers', '5'],
      ...['--canary', '--canary-for', '10m'],
    ];
    const options = updateOptionsOf(parse(argv));
    expect(options).toEqual({
      healthTimeoutMs: 10_000,
      stabilizeTimeoutMs: 20_000,
      trialMs: 60_000,
      bootsMax: 2,
      heartbeats: 4,
      maxLagEntries: 0,
      stageTimeoutMs: 300_000,
      stageConcurrency: 1,
      drainTimeoutMs: 3000,
      gateTimeoutMs: 4000,
      rollbackTimeoutMs: 90_000,
      onFailure: 'revert',
      acceptDowntime: true,
      rehearse: true,
      skipOffline: true,
      only: ['n1', 'n2'],
      max: 0,
      maxUnavailableWorkers: 5,
      canary: true,
      canaryMs: 600_000,
    });
    expect(Object.keys(options).sort()).toEqual(Object.keys(defaultOptions).sort());
  });

  it('what was not given is left to the cluster', () => expect(updateOptionsOf(parse([]))).toEqual({}));

  it.each([
    ['--trial', '120'],
    ['--boots', '0'],
    ['--on-failure', 'panic'],
  ])('%s %s is refused', (flag, value) => {
    expect(() => updateOptionsOf(parse([flag, value]))).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
