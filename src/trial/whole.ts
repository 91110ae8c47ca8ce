/** Is a release what its name says? Asked of the disk, by hashing all of it: the guard does not believe a name (P7). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePaths } from '../base/paths.ts';
import { hashTreeSync } from '../release/tree-hash.js';
import { fieldsOf } from './trial-file.ts';

/** '' when the release is whole; otherwise what is wrong with it, in words. Never throws: what cannot be read is not whole. */
export function whyNotWhole(base: string, hash: string): string {
  const dir = join(nodePaths(base).releases, hash);
  try {
    const seen = hashTreeSync(dir).hash;
    if (seen !== hash) return `the tree on the disk has the hash ${seen.slice(0, 12)}`;
    // The stamp is no part of the hash.
    const stamp = fieldsOf(readFileSync(join(dir, 'version.json'), 'utf8'));
    return stamp?.buildHash === hash ? '' : 'its version.json names another build, or none';
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`;
  }
}
