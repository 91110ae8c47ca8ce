/** The name of a release: the hash of its tree, and nothing that could be anything else; and what people give in its place. */
import { ClusterError } from '../errors.ts';

const hashPattern = /^[0-9a-f]{64}$/;

/** Is it a release's name: 64 lower-case hex digits? Everything that becomes part of a path goes through here. */
export function isBuildHash(value: unknown): value is string {
  return typeof value === 'string' && hashPattern.test(value);
}

/** The value, if it is a release's name. Throws ClusterError 'usage'. */
export function checkBuildHash(value: string): string {
  if (hashPattern.test(value)) return value;
  throw new ClusterError('usage', 'not the hash of a release', {
    seen: JSON.stringify(value.slice(0, 80)),
    wanted: '64 lower-case hexadecimal digits',
    next: 'take the buildHash from version.json',
  });
}

/** Digits of a hash that say enough, for people: fewer are taken for a typing error. */
const leastDigits = 8;
const beginningPattern = new RegExp(`^[0-9a-f]{${leastDigits},64}$`);

/** Is it a hash as people give it: the whole, or at least 8 digits of its beginning? */
export function isHashBeginning(value: string): boolean {
  return beginningPattern.test(value);
}

/**
 * For the edges, wherever a hash is given, of a release or of a plan: the value, if it can be one.
 * @param what names it in the error: "--plan", "a buildHash"
 * @throws ClusterError 'usage'
 */
export function checkHashBeginning(value: string, what: string): string {
  if (isHashBeginning(value)) return value;
  throw new ClusterError('usage', `${what}: not a hash, nor enough of one`, {
    seen: JSON.stringify(value.slice(0, 80)),
    wanted: `${leastDigits} to 64 lower-case hexadecimal digits`,
  });
}

/**
 * The release that is meant by what `checkHashBeginning` let through. A whole hash means itself, known or not.
 * @param known where the beginning must fit exactly one
 * @param where names that for people: "on n2's disk"
 * @throws ClusterError 'not-found' with what fits
 */
export function wholeHash(given: string, known: Iterable<string>, where: string): string {
  if (isBuildHash(given)) return given;
  const fitting = [...new Set(known)].filter((hash) => hash.startsWith(given)).sort();
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const count = fitting.length === 0 ? 'no' : `${fitting.length}`;
  throw new ClusterError('not-found', `${given} is the beginning of ${count} releases ${where}`, {
    seen: fitting.join(', ') || 'no release that begins like this',
    wanted: 'the beginning of exactly one',
    next: fitting.length === 0 ? '`claudecluster releases list` shows what there is' : 'give more digits',
  });
}
