import type { UpdateOptions } from './types.ts';

/** Units and meaning: UpdateOptions in types.ts. */
export const defaultOptions: UpdateOptions = {
  healthTimeoutMs: 60_000,
  stabilizeTimeoutMs: 45_000,
  trialMs: 120_000,
  bootsMax: 3,
  heartbeats: 3,
  maxLagEntries: 1_000,
  stageTimeoutMs: 600_000,
  stageConcurrency: 4,
  drainTimeoutMs: 30_000,
  gateTimeoutMs: 60_000,
  rollbackTimeoutMs: 180_000,
  onFailure: 'abort',
  acceptDowntime: false,
  rehearse: false,
  canary: false,
  canaryMs: 0,
  only: [],
  max: 0,
  skipOffline: false,
  maxUnavailableWorkers: 1,
};
