/** What really happens on the disks, told to the other checkers: a trial begins, ends in a commit, or ends otherwise. */
import { parseTrial, type Trial } from '../../src/trial/trial-file.ts';
import type { Checker, Host, World } from '../world/types.ts';

export function createTruth(world: World): Checker {
  const onTrial = new Map<string, Trial>();
  const installed = new Map<string, string>();
  /** Releases that each host has committed, the first one among them. */
  const proved = new Map<string, Set<string>>();
  const distOf = (host: Host): string => {
    const node = host.disk.root.entries.get('dist');
    return node?.kind === 'link' ? node.target.slice('releases/'.length) : '';
  };
  const trialOf = (host: Host): Trial | null => {
    const node = host.disk.root.entries.get('trial.json');
    return node?.kind === 'file' ? parseTrial(node.text) : null;
  };
  const look = (host: Host, byPowerCut: boolean): void => {
    const dist = distOf(host);
    const trial = trialOf(host);
    const known = onTrial.get(host.id);
    const now = trial !== null && trial.release === dist ? trial : null;
    const before = installed.get(host.id) ?? null;
    const trusted = proved.get(host.id) ?? new Set(host.furnished);
    proved.set(host.id, trusted);
    // A power cut may take back a switch whose claim it keeps: the guard's next run finishes that rollback.
    const goesBack = byPowerCut && isClaimed(host);
    if (dist !== before && now === null && !goesBack && !trusted.has(dist)) {
      world.violate('P3', `${host.id}: dist leads to ${dist.slice(0, 6)}, neither committed here nor on trial`);
    }
    installed.set(host.id, dist);
    if (known !== undefined && known.id !== now?.id) {
      onTrial.delete(host.id);
      const committed = dist === known.release && trial === null && !byPowerCut && !isClaimed(host);
      if (committed) trusted.add(dist);
      if (committed) world.checkers.committed(host, known);
      else world.checkers.trialOver(host, known);
    }
    if (now !== null && known?.id !== now.id) {
      onTrial.set(host.id, now);
      world.checkers.trialBegins(host, now, before);
    }
  };
  return {
    diskChanged(host, _change, path) {
      if (path === '/dist' || path === '/trial.json' || path === '/trial.ending.json') look(host, false);
    },
    booted: (host) => look(host, true),
  };
}

function isClaimed(host: Host): boolean {
  return host.disk.root.entries.has('trial.ending.json');
}
