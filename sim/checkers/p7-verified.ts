/**
 * P7: nothing runs as good that was not verified. What a fault reached into may run, for want of better code and marked; but
 * it is never committed, never gone back to while whole code that was committed there is on the disk, and leads nothing.
 */
import { damaged } from '../world/releases.ts';
import type { Checker, Host, World } from '../world/types.ts';

/** So long a node that knows that it is damaged may take to give the leadership up, ms: it asks itself every second. */
const stepDownMs = 1_500;

const verbLock = '/run/verb.lock';

export function checkVerified(world: World): Checker {
  /** Releases that each host has committed, the first ones among them. */
  const proved = new Map<string, Set<string>>();
  const provedOn = (host: Host): Set<string> => {
    const known = proved.get(host.id) ?? new Set(host.furnished);
    proved.set(host.id, known);
    return known;
  };
  /** Since the last start of its daemon the node went back from this release. */
  const wentBack = new Map<string, { from: string; atMs: number }>();
  /** Since when a verb has been at work, ms. */
  const lockedMs = new Map<string, number>();
  /** Trials, by their id. */
  const begun = new Set<string>();
  const leadsSince = new Map<string, number>();
  return {
    diskChanged(host, _change, path) {
      if (path === verbLock && host.disk.find(verbLock) !== null) lockedMs.set(host.id, world.sched.now());
    },
    trialBegins(host, { id, release }) {
      wentBack.delete(host.id);
      // A power cut took its end back: the guard's next run has the last word.
      if (begun.has(id)) return;
      begun.add(id);
      const wrong = damaged(host, release);
      // What rots while the verb waits for its last question's answer, the commit's own hash finds.
      const meanwhile = (host.rotten.get(release) ?? -1) >= (lockedMs.get(host.id) ?? 0);
      if (wrong !== null && !meanwhile)
        world.violate('P7', `${host.id} goes on trial with ${release.slice(0, 6)}: ${wrong}`);
    },
    committed(host, { release }) {
      provedOn(host).add(release);
      const wrong = damaged(host, release);
      if (wrong !== null) world.violate('P7', `${host.id} commits ${release.slice(0, 6)}: ${wrong}`);
    },
    trialOver: (host, { release }) => void wentBack.set(host.id, { from: release, atMs: world.sched.now() }),
    daemonStarts({ host, release, look }) {
      const { from, atMs } = wentBack.get(host.id) ?? { from: undefined, atMs: 0 };
      wentBack.delete(host.id);
      const wrong = damaged(host, release);
      if (wrong === null) return;
      const words = `${host.id} starts ${release.slice(0, 6)}: ${wrong}`;
      if (!host.rotten.has(release)) return world.violate('P7', words);
      // Whole when it was gone back to, and rotten before it was started again: its next starts find that.
      const later = (host.rotten.get(release) ?? 0) > atMs;
      if (from === undefined || from === release || later) return;
      const better = [...provedOn(host)].find((hash) => hash !== from && damaged(host, hash) === null);
      if (better !== undefined) world.violate('P7', `${words}; it went back, and ${better.slice(0, 6)} is whole`);
      else if (look.damaged() === '') world.violate('P7', `${words}; it went back, and does not know`);
    },
    tick() {
      for (const { id, daemon } of world.hosts) {
        const leads = daemon?.leadership?.isLeader() === true && daemon.look.damaged() !== '';
        if (!leads || daemon.proc.frozenUntil > world.sched.now()) {
          leadsSince.delete(id);
          continue;
        }
        const since = leadsSince.get(id) ?? world.sched.now();
        leadsSince.set(id, since);
        if (world.sched.now() - since > stepDownMs) world.violate('P7', `${id} leads and is damaged`);
      }
    },
  };
}
