/** Which releases of this base have all that a start needs. */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isBuildHash } from '../base/build-hash.ts';
import { quietly } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';

/** Releases of this base with all that a start needs, newest first. Whether their content is right, verifying tells. */
export function completeReleases(base: string): string[] {
  const dir = nodePaths(base).releases;
  const found: { hash: string; ctimeMs: number }[] = [];
  quietly(() => {
    for (const hash of readdirSync(dir)) {
      if (isBuildHash(hash) && isComplete(join(dir, hash)))
        found.push({ hash, ctimeMs: statSync(join(dir, hash)).ctimeMs });
    }
  });
  found.sort((a, b) => b.ctimeMs - a.ctimeMs || (a.hash < b.hash ? -1 : 1));
  return found.map((one) => one.hash);
}

function isComplete(dir: string): boolean {
  return ['index.js', 'guard.js', 'version.json'].every((name) => {
    try {
      return statSync(join(dir, name)).isFile();
    } catch {
      return false;
    }
  });
}
