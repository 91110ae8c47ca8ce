/** P2: whatever instant power fails at, `dist` leads to a complete release; and nothing damaged is switched to (P7). */
import { damaged } from '../world/releases.ts';
import type { Checker, Host, World } from '../world/types.ts';

export function checkDisk(world: World): Checker {
  const look = (host: Host, view: 'entries' | 'durable', what: string): void => {
    const dist = host.disk.root[view].get('dist');
    if (dist?.kind !== 'link') {
      world.violate('P2', `${host.id}: ${view}: dist is ${dist?.kind ?? 'missing'} after ${what}`);
      return;
    }
    const hash = dist.target.slice('releases/'.length);
    const wrong = damaged(host, hash, view);
    // What a fault reached into is a matter of P7: it is complete, and not what it was.
    if (wrong !== null && !(host.rotten.has(hash) && wrong !== 'missing'))
      world.violate('P2', `${host.id}: ${view}: dist leads to ${dist.target.slice(0, 16)}, ${wrong}, after ${what}`);
  };
  return {
    diskChanged(host, change, path) {
      // Only what can concern dist or a release.
      if (path.startsWith('/data') || path.startsWith('/run') || path.startsWith('/log') || path.includes('/.')) return;
      look(host, 'entries', `${change} ${path}`);
      look(host, 'durable', `${change} ${path}`);
    },
  };
}
