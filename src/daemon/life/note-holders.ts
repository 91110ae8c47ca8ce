/** Keeps on the disk who ran what, for a guard that has to say from where a release is to be copied (trial/holders-file.ts). */
import { asClusterError } from '../../errors.ts';
import type { LiveMembership } from '../../members/membership.ts';
import type { Logger } from '../../ports/logger.ts';
import { type Holder, keepHolders } from '../../trial/holders-file.ts';

/** Of one release so many are enough: what is kept does not grow with the cluster (P12). */
const perRelease = 3;

export interface HolderParts {
  base: string;
  nodeId: string;
  membership: Pick<LiveMembership, 'onChange' | 'lastView'>;
  logger: Logger;
}

/** For as long as the membership is followed. */
export function noteHolders({ base, nodeId, membership, logger }: HolderParts): void {
  membership.onChange(() => {
    const known = new Map<string, Holder[]>();
    for (const one of membership.lastView().nodes) {
      if (one.nodeId === nodeId || one.status === 'offline' || one.trial !== null || one.release === null) continue;
      const release = one.release.buildHash;
      const holders = known.get(release) ?? [];
      if (holders.length < perRelease)
        known.set(release, [...holders, { nodeId: one.nodeId, address: one.address, release }]);
    }
    // Alone, or cut off: what was known is worth more than nothing.
    if (known.size === 0) return;
    try {
      keepHolders(base, [...known.values()].flat());
    } catch (thrown) {
      logger.debug({ error: asClusterError(thrown, 'disk').message }, 'who ran what is not kept');
    }
  });
}
