import { asClusterError } from '../errors.ts';
import type { LocalReleases } from '../ports/local-releases.ts';
import { verifyRelease } from '../release/store.ts';
import { readInstalled } from '../trial/trial-view.ts';

/** The LocalReleases port on a node's own disk. */
export function localReleases(base: string): LocalReleases {
  return {
    inspect: async (buildHash) => {
      try {
        const hash = buildHash ?? readInstalled(base);
        if (hash === null) {
          const next = 'restart the service: it turns a plain dist/ into a release';
          return { invalid: `${base}/dist is no link to a release`, next };
        }
        const { version, totalBytes } = await verifyRelease(base, hash);
        return { version, sizeBytes: totalBytes };
      } catch (thrown) {
        const { message, detail } = asClusterError(thrown);
        const next = detail.next ?? 'bring the build in with `claudecluster update DIST`';
        return { invalid: detail.seen === undefined ? message : `${message}: ${detail.seen}`, next };
      }
    },
  };
}
