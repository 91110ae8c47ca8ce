/** Looks at a directory as the release that it claims to be, before a byte of it is sent anywhere (P7). */
import { resolve } from 'node:path';
import { asClusterError, ClusterError } from '../../errors.ts';
import type { InspectedRelease } from '../../front/context.ts';
import { verifyTree } from '../../release/store.ts';
import { readVersion } from '../../release/version.ts';

/** Throws ClusterError 'release-invalid' for what is no release, or not the one that its stamp names. */
export async function inspectRelease(path: string): Promise<InspectedRelease> {
  const dir = resolve(path);
  const version = await readVersion(dir);
  try {
    await verifyTree(dir, version.buildHash);
  } catch (thrown) {
    const error = asClusterError(thrown);
    if (error.code !== 'verify-failed') throw error;
    throw new ClusterError(
      'release-invalid',
      `${dir} is not the build that its version.json names`,
      {
        seen: error.detail.seen ?? error.message,
        wanted: version.buildHash,
        next: 'something was changed after the build: build it again, or stamp it again with node scripts/write-version.js DIR',
      },
      error,
    );
  }
  return { dir, version };
}
