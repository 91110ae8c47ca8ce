/** The bundles of a mixed world: the world, this version as one side of it, and those of before as the others. */
import { bundle, type Replacement } from '../bundle.ts';
import { releases } from './releases.ts';
import { sourceAt, sourceHere } from './source.ts';

/**
 * Writes the world to `outfile`, and its sides beside it. `replacements` change this version's side alone: the world, its
 * checkers and the versions of before are what they are. Throws where the history lacks a version of before.
 */
export async function bundleMixed(outfile: string, replacements: Replacement[] = []): Promise<void> {
  const sources = [sourceHere(), ...(await Promise.all(releases.map(sourceAt)))];
  const sides = sources.map((_, at) => outfile.replace(/\.cjs$/, `.side-${at}.cjs`));
  await bundle(outfile, [], { mixed: { sides } });
  for (const [at, sideOf] of sources.entries()) {
    await bundle(sides[at] ?? '', at === 0 ? replacements : [], { mixed: { sideOf } });
  }
}
