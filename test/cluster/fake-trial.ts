/** A trial file as `activate` writes it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Trial } from '../../src/trial/trial-file.ts';

export function writeTrial(base: string, changes: Partial<Trial>): Trial {
  const trial: Trial = {
    v: 1,
    id: 't1',
    service: 'claudecluster',
    updateId: 'u1',
    release: 'b'.repeat(64),
    knownGood: 'a'.repeat(64),
    epoch: 5,
    bootId: '',
    startedAtMs: 0,
    healthTimeoutMs: 60_000,
    trialMs: 120_000,
    bootsMax: 3,
    armedAt: '2026-01-01T00:00:00.000Z',
    ...changes,
  };
  writeFileSync(join(base, 'trial.json'), JSON.stringify(trial));
  return trial;
}
