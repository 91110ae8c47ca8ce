/** P3: a node on trial that is not committed in time runs its known-good release again, with no help from outside. */
import type { Trial } from '../../src/trial/trial-file.ts';
import type { Checker, World } from '../world/types.ts';

/** What the supervisor may take to look, ms. */
const slackMs = 3_000;

export function checkWayBack(world: World): Checker {
  const trials = new Map<
    string,
    { trial: Trial; sinceMs: number; healthyFromMs: number; boots: number; wasHealthy: boolean }
  >();
  const { now } = world.sched;
  return {
    trialBegins(host, trial) {
      trials.set(host.id, { trial, sinceMs: now(), healthyFromMs: now(), boots: 0, wasHealthy: false });
    },
    trialOver: (host) => void trials.delete(host.id),
    committed: (host) => void trials.delete(host.id),
    /** A disk that takes no changes: nothing can be undone on it as long as that lasts. */
    faultHit(hostId) {
      const one = trials.get(hostId);
      if (one !== undefined) Object.assign(one, { sinceMs: now(), healthyFromMs: now() });
    },
    booted(host) {
      const one = trials.get(host.id);
      if (one !== undefined) Object.assign(one, { sinceMs: now(), healthyFromMs: now(), wasHealthy: false });
    },
    daemonStarts({ host, release }) {
      const one = trials.get(host.id);
      if (one === undefined || one.trial.release !== release) return;
      // One that was healthy gives its successor the whole time again.
      if (one.wasHealthy) Object.assign(one, { healthyFromMs: now(), wasHealthy: false });
      one.boots += 1;
      if (one.boots > one.trial.bootsMax) {
        world.violate('P3', `${host.id}: start ${one.boots} on trial, at most ${one.trial.bootsMax}`);
      }
    },
    daemonHealthy({ host, release }) {
      const one = trials.get(host.id);
      if (one?.trial.release === release) one.wasHealthy = true;
    },
    tick() {
      for (const [id, one] of trials) {
        const host = world.host(id);
        if (!host.up || host.disk.readOnly) continue;
        const forMs = now() - one.sinceMs;
        const illMs = now() - one.healthyFromMs;
        const { trialMs, healthTimeoutMs } = one.trial;
        if (forMs > trialMs + slackMs) {
          world.violate('P3', `${id} is on trial for ${forMs} ms, at most ${trialMs}`);
        } else if (!one.wasHealthy && illMs > healthTimeoutMs + slackMs) {
          world.violate('P3', `${id} is on trial and not healthy for ${illMs} ms, at most ${healthTimeoutMs}`);
        }
      }
    },
  };
}
