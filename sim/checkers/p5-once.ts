/** P5: nothing is done twice with a different effect: a node is put on trial once per update and release. */
import type { Checker, World } from '../world/types.ts';

export function checkOnce(world: World): Checker {
  /** Trial ids under which the release was started, by host, update and release. */
  const started = new Map<string, Set<string>>();
  const trialOn = new Map<string, { id: string; updateId: string; release: string }>();
  return {
    trialBegins: (host, trial) => void trialOn.set(host.id, trial),
    trialOver: (host) => void trialOn.delete(host.id),
    committed: (host) => void trialOn.delete(host.id),
    daemonStarts({ host, release }) {
      const trial = trialOn.get(host.id);
      if (trial?.release !== release) return;
      const key = `${host.id} ${trial.updateId} ${release}`;
      const ids = started.get(key) ?? new Set();
      ids.add(trial.id);
      started.set(key, ids);
      if (ids.size > 1) world.violate('P5', `${host.id} is put on trial for ${trial.updateId} a second time`);
    },
  };
}
