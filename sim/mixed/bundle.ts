/** The bundles of a mixed world: the world, this version as one side of it, and those of before as the others. */
import { bundle } from '../bundle.ts';
import type { Replacement } from '../replacement.ts';
import { type Release, releases } from './releases.ts';
import { commands, sourceAt, sourceHere } from './source.ts';

const nameOf = ({ name }: Release): string => name;

/**
 * Writes the world to `outfile`, and its sides beside it. `replacements` change this version's side alone: the world, its
 * checkers and the versions of before are what they are. `before`: only those whose name has it. Throws where there is none,
 * or the history lacks one.
 */
export async function bundleMixed(
  outfile: string,
  replacements: Replacement[] = [],
  { before = '' }: { before?: string } = {},
): Promise<void> {
  const wanted = releases.filter(({ name }) => name.includes(before));
  if (wanted.length === 0) throw new Error(`no version ${before}: there are ${releases.map(nameOf).join(', ')}`);
  const isCommand = ({ file }: Replacement): boolean => file === commands;
  const here = sourceHere(replacements.filter(isCommand));
  const sources = [here, ...(await Promise.all(wanted.map(sourceAt)))];
  const sides = sources.map((_, at) => outfile.replace(/\.cjs$/, `.side-${at}.cjs`));
  await bundle(outfile, [], { mixed: { sides } });
  for (const [at, sideOf] of sources.entries()) {
    const changes = sideOf === here ? replacements.filter((one) => !isCommand(one)) : [];
    await bundle(sides[at] ?? '', changes, { mixed: { sideOf } });
  }
}
