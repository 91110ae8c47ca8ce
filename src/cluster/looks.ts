/**
 * Before an update every node must have looked at the release that it would go back to, not longer ago than an hour: one
 * that did not is asked to look now. Builds that say nothing of looks are not asked (P11).
 */
import { asClusterError } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';
import { runVerb } from './run-verb.ts';
import type { NodeObservation, Observation } from './update/observation.ts';

/** A look that is older is none, ms. */
const freshMs = 3_600_000;
/** The hash of a large release from a slow disk, ms. */
const verifyTimeoutMs = 120_000;

export interface FreshLooks {
  /** How many nodes were asked: what they said is in their next health report. */
  asked: number;
  /** Why there is no look, by nodeId. */
  failed: Record<string, string>;
}

/** An observation in which every node has looked at the release that it would go back to (P7), or `notLooked` says why not. */
export async function lookedObservation(
  eyes: { observe(): Promise<Observation> },
  clientPool: ClientPool,
): Promise<{ observation: Observation; notLooked: FreshLooks['failed'] }> {
  const observation = await eyes.observe();
  const { asked, failed: notLooked } = await freshLooks(observation.nodes, clientPool);
  return { observation: asked === 0 ? observation : await eyes.observe(), notLooked };
}

/** Asks all at once. Never rejects. */
export async function freshLooks(nodes: NodeObservation[], clientPool: ClientPool): Promise<FreshLooks> {
  const stale = nodes.filter(({ health }) => {
    const ago = health?.lastLookMsAgo;
    return health !== null && health.trial === null && ago !== undefined && (ago === null || ago > freshMs);
  });
  const failed: FreshLooks['failed'] = {};
  await Promise.all(
    stale.map(async ({ nodeId, address }) => {
      try {
        await runVerb({ clientPool }, address, ['claudecluster', 'node', 'verify', '--json'], verifyTimeoutMs);
      } catch (thrown) {
        const error = asClusterError(thrown);
        // That one has looked, and says so in its health report.
        if (error.code !== 'verify-failed') failed[nodeId] = error.message;
      }
    }),
  );
  return { asked: stale.length, failed };
}
