/** What is running: the stamp beside the bundle. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { VersionInfo } from '../ports/releases.ts';
import { readVersion } from '../release/version.ts';

/** The stamp beside `bundle`; null when it runs from source. Throws ClusterError 'release-invalid' for a stamp that is malformed. */
export async function ownVersion(bundle: string): Promise<VersionInfo | null> {
  const dir = dirname(bundle);
  return existsSync(join(dir, 'version.json')) ? readVersion(dir) : null;
}
