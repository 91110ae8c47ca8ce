/**
 * The releases on a node's disk: `<base>/releases/<buildHash>`, immutable trees named by their content (P2).
 * What has such a name was verified and made durable first; everything unfinished has another name. Siblings:
 * install.ts puts releases in, prune.ts takes them out, transfer.ts and stage.ts bring them from elsewhere, seed.ts from the
 * release beside it; room.ts is about the disk, separate.ts and tidy.ts keep order.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkBuildHash, isBuildHash } from '../base/build-hash.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import type { VersionInfo } from '../ports/releases.ts';
import { compareTrees, hashRelease, type TreeHash } from './hash.ts';
import { readManifest, readOrder } from './manifest.ts';
import { readVersion } from './version.ts';

export interface StoredRelease {
  hash: string;
  /** Absolute. */
  path: string;
  version: VersionInfo;
}

export interface VerifiedRelease extends StoredRelease {
  totalBytes: number;
  tree: TreeHash;
}

/** Where the release is, or would be. Throws ClusterError 'usage' for what is no hash. */
export function releasePath(base: string, hash: string): string {
  return join(nodePaths(base).releases, checkBuildHash(hash));
}

/** Where the release is put together before it is one. */
export function partialPath(base: string, hash: string): string {
  return `${releasePath(base, hash)}.partial`;
}

/** Is there a directory at the path? A link to one does not count. */
export async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isDirectory() ?? false;
}

/** Hashes of the releases on disk, in no order, whether or not they can be read. */
export async function releaseHashes(base: string): Promise<string[]> {
  const { releases } = nodePaths(base);
  const names = await readdir(releases, { withFileTypes: true }).catch(() => []);
  return names.filter((entry) => entry.isDirectory() && isBuildHash(entry.name)).map((entry) => entry.name);
}

/** Hashes of the releases on disk, the last installed first. */
export async function hashesByInstall(base: string): Promise<string[]> {
  const found = await Promise.all(
    (await releaseHashes(base)).map(async (hash) => {
      const stats = await lstat(releasePath(base, hash)).catch(() => null);
      return { hash, order: await readOrder(base, hash), changedMs: stats?.ctimeMs ?? 0 };
    }),
  );
  return found.sort((a, b) => b.order - a.order || b.changedMs - a.changedMs).map(({ hash }) => hash);
}

/**
 * The releases on disk that have a fitting stamp, the last installed first. They were verified when they came in; their
 * trees are not read again here, so this is cheap. Never throws for a damaged release: it is left out.
 */
export async function listReleases(base: string): Promise<StoredRelease[]> {
  const hashes = await hashesByInstall(base);
  const releases = await Promise.all(
    hashes.map(async (hash) => {
      const path = releasePath(base, hash);
      const version = await readVersion(path).catch(() => null);
      return version?.buildHash === hash ? [{ hash, path, version }] : [];
    }),
  );
  return releases.flat();
}

/** What a release of this program must hold, whatever else it holds. */
function checkShape(dir: string, tree: TreeHash): void {
  for (const name of ['index.js', 'guard.js']) {
    const entry = tree.entries.find((candidate) => candidate.path.equals(Buffer.from(name)));
    if (entry?.kind === 'file') continue;
    throw new ClusterError('release-invalid', `${dir} is no release: it has no ${name}`, {
      seen: entry === undefined ? `no ${name}` : `${name} is a ${entry.kind}`,
      wanted: 'index.js and guard.js',
      next: 'build it with npm run build',
    });
  }
}

/**
 * Hashes the tree in `dir` and compares it with `hash` (P7). `reference` is what the tree should hold, where that is known:
 * then the error names what differs. Throws ClusterError 'verify-failed' with the hash seen and wanted, 'release-invalid'.
 */
export async function verifyTree(dir: string, hash: string, reference?: TreeHash['entries']): Promise<VerifiedRelease> {
  const tree = await hashRelease(dir);
  if (tree.hash !== hash) {
    const different = reference === undefined ? [] : compareTrees(tree.entries, reference);
    const where = different.length === 0 ? '' : `: ${different.slice(0, 3).join(', ')}`;
    const more = different.length > 3 ? ` and ${different.length - 3} more` : '';
    throw new ClusterError('verify-failed', `the tree is not the release ${hash.slice(0, 12)}${where}${more}`, {
      seen: `${tree.hash}${where}${more} (in ${dir})`,
      wanted: hash,
      next: 'stage it again from a node whose copy is good',
    });
  }
  checkShape(dir, tree);
  const version = await readVersion(dir);
  if (version.buildHash !== hash) {
    throw new ClusterError(
      'release-invalid',
      `version.json names another build than the tree of ${hash.slice(0, 12)}`,
      {
        seen: `buildHash ${version.buildHash}`,
        wanted: hash,
        next: 'stamp the build again: node scripts/write-version.js DIR',
      },
    );
  }
  return { hash, path: dir, version, totalBytes: tree.totalBytes, tree };
}

/**
 * Verifies a release on disk, the whole tree (P7). Throws ClusterError 'not-found', 'verify-failed' (with the hash seen
 * and wanted, and what differs where the manifest tells it), 'release-invalid' or 'disk'.
 */
export async function verifyRelease(base: string, hash: string): Promise<VerifiedRelease> {
  const path = releasePath(base, hash);
  if (!(await isDirectory(path))) {
    throw new ClusterError('not-found', `release ${hash.slice(0, 12)} is not on this node`, {
      seen: 'no such release on disk',
      wanted: hash,
      next: 'stage it first: claudecluster node stage HASH --from NODE',
    });
  }
  const manifest = await readManifest(base, hash);
  return verifyTree(path, hash, manifest?.entries);
}
