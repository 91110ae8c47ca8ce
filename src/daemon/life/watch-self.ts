/** A node looks at itself: tells the others when its health changed, and its own guard when it is healthy on trial (P3). */
import { asClusterError } from '../../errors.ts';
import type { GrpcServer } from '../../grpc/server.ts';
import { readTrial, writeHealthyMarker } from '../../trial/trial-view.ts';
import { unhealthyReasons } from '../self-health.ts';
import type { NodeParts } from './parts.ts';

/** Between two looks, ms. */
const selfCheckMs = 250;

interface Seen {
  healthy: boolean | null;
  trial: string | null;
}

/** Looks until `signal` aborts. */
export async function watchSelf(parts: NodeParts, server: GrpcServer, signal: AbortSignal): Promise<void> {
  const { logger, clock } = parts;
  const seen: Seen = { healthy: null, trial: null };
  let told = '';
  while (!signal.aborted) {
    try {
      lookAtSelf(parts, server, seen);
      told = '';
    } catch (thrown) {
      // A disk that refuses must not end a node that serves: what could not be written is tried again.
      const { message } = asClusterError(thrown);
      if (message !== told) logger.warn({ error: message }, 'cannot keep what this node knows of itself');
      told = message;
    }
    await clock.sleep(selfCheckMs, signal);
  }
}

function lookAtSelf(parts: NodeParts, server: GrpcServer, seen: Seen): void {
  const { config, clock, logger, heartbeat, incarnation, release } = parts;
  const reasons = unhealthyReasons(parts.facts());
  const healthy = reasons.length === 0;
  if (healthy !== seen.healthy) {
    server.setServing(healthy);
    if (healthy) {
      writeHealthyMarker(config.base, incarnation, release.buildHash, clock);
      logger.info({ incarnation }, 'ready');
      void parts.hooks.afterRestart();
    } else if (seen.healthy !== null) logger.warn({ reasons }, 'unhealthy');
    seen.healthy = healthy;
  }
  const trial = readTrial(config.base)?.release ?? null;
  if (trial !== seen.trial && heartbeat.written().seq > 0) void heartbeat.touch();
  seen.trial = trial;
}
