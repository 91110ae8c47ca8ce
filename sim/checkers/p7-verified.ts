/** P7: nothing runs that was not verified. */
import { damaged } from '../world/releases.ts';
import type { Checker, World } from '../world/types.ts';

export function checkVerified(world: World): Checker {
  return {
    daemonStarts({ host, release }) {
      const wrong = damaged(host, release);
      if (wrong !== null) world.violate('P7', `${host.id} starts ${release.slice(0, 6)}: ${wrong}`);
    },
  };
}
