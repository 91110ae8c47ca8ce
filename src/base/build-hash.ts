/** The name of a release: the hash of its tree, and nothing that could be anything else. */
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
