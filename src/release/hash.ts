/** The hash of a release's tree, with our errors. The algorithm is in tree-hash.js, for the build scripts need it too. */
import { asClusterError, ClusterError } from '../errors.ts';
import { hashTree, printable, type TreeEntry, TreeError, type TreeHash } from './tree-hash.js';

export type { TreeEntry, TreeHash };
export { printable };

/**
 * SHA-256 of the whole tree but its version.json, with the list of its entries.
 * Throws ClusterError 'release-invalid' for what a release must not hold (by name), 'disk' when it cannot be read.
 */
export async function hashRelease(dir: string): Promise<TreeHash> {
  try {
    return await hashTree(dir);
  } catch (thrown) {
    if (thrown instanceof TreeError) throw new ClusterError('release-invalid', thrown.message, thrown.detail, thrown);
    if (thrown instanceof Error && 'syscall' in thrown) {
      throw new ClusterError(
        'disk',
        `cannot read ${dir}`,
        { seen: thrown.message, next: 'check the disk and the permissions' },
        thrown,
      );
    }
    throw asClusterError(thrown);
  }
}

/** How an entry differs from the one wanted at its path, in words for people; null when it does not. */
export function compareEntries(seen: TreeEntry, wanted: TreeEntry): string | null {
  const name = printable(seen.path);
  if (seen.kind !== wanted.kind) return `${name} is a ${seen.kind}, not a ${wanted.kind}`;
  if (seen.content !== wanted.content) return `${name} has other content (${seen.size} bytes, wanted ${wanted.size})`;
  if (seen.mode !== wanted.mode) return `${name} has mode ${seen.mode.toString(8)}, not ${wanted.mode.toString(8)}`;
  return null;
}

/** What makes one tree differ from another, a line for each entry. */
export function compareTrees(seen: TreeEntry[], wanted: TreeEntry[]): string[] {
  const key = (entry: TreeEntry): string => entry.path.toString('latin1');
  const missing = new Map(wanted.map((entry) => [key(entry), entry]));
  const lines = seen.flatMap((entry) => {
    const other = missing.get(key(entry));
    missing.delete(key(entry));
    if (other === undefined) return `${printable(entry.path)} does not belong there`;
    return compareEntries(entry, other) ?? [];
  });
  return [...lines, ...[...missing.values()].map((entry) => `${printable(entry.path)} is missing`)];
}
