/** The node's own look at its known-good release. */
import { lookAtReleases } from '../../host/look.ts';
import { lookInProcess } from '../../host/look-process.ts';
import { verifyRelease } from '../../release/store.ts';
import { createLookWatch, type LookWatch } from '../look-watch.ts';
import type { NodeContext } from './context.ts';

/** At idle priority a large release may take its time, ms. */
const lookTimeoutMs = 600_000;

export function composeLook({ config, bundle, clock, logger, release }: NodeContext): LookWatch {
  const { base, nodeId, file } = config;
  const argv = [process.execPath, bundle, 'node', 'verify', '--json', '--config', file];
  return createLookWatch({
    base,
    clock,
    logger,
    running: release.buildHash,
    told: process.env.CLAUDECLUSTER_DAMAGED ?? null,
    look: (signal) => lookInProcess(argv, lookTimeoutMs, signal),
    lookHere: () => lookAtReleases({ base, nodeId, clock, verifyRelease }),
  });
}
