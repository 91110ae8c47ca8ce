/**
 * Whose guard is to judge, and whether that one can be believed: a damaged guard cannot judge itself, so whoever starts one
 * verifies its release first (P7).
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readLinkHash, readTextOrNull } from '../../../base/files.ts';
import { nodePaths } from '../../../base/paths.ts';
import { asClusterError } from '../../../errors.ts';
import { committedHere } from '../../../release/committed.ts';
import { readManifest } from '../../../release/manifest.ts';
import { releasePath, verifyRelease } from '../../../release/store.ts';
import { completeReleases } from '../../../trial/complete.ts';
import { type Probation, parseProbation } from '../../../trial/probation-file.ts';
import { parseTrial } from '../../../trial/trial-file.ts';

/** A file's text; null: not there. One that is there and cannot be read counts as garbage. */
export function textOf(path: string): string | null {
  try {
    return readTextOrNull(path);
  } catch {
    return '';
  }
}

/** The probation on this disk, claimed or not. */
export function probationOn(base: string): Probation | null {
  const paths = nodePaths(base);
  const text = textOf(paths.probation) ?? textOf(paths.probationEnding);
  return text === null ? null : parseProbation(text);
}

export interface GuardFile {
  file: string;
  /** The release that it belongs to; null: a plain dist/ that is no release yet. */
  hash: string | null;
}

/** Guards in the order of trust: never that of the release on trial, nor of one that was not committed here. */
export function guardCandidates(base: string): GuardFile[] {
  const paths = nodePaths(base);
  const text = textOf(paths.trial) ?? textOf(paths.trialEnding);
  const trial = text === null ? null : parseTrial(text);
  const dist = readLinkHash(paths.dist);
  const bak = readLinkHash(paths.distBak);
  // With a trial file that cannot be read, what dist points to may well be the release on trial.
  const suspect = text === null ? null : (trial?.release ?? (bak === dist ? null : dist));
  const complete = completeReleases(base);
  // A committed build that may yet go back is judged by the one before it, as on trial.
  const named = text === null ? [probationOn(base)?.previous ?? null, dist, bak] : [bak, trial?.knownGood ?? null];
  const trusted = [...named, ...committedHere(base)].filter(
    (hash) => hash !== null && hash !== suspect && complete.includes(hash),
  );
  const hashes = [...new Set(trusted)].map(String);
  const files = hashes.map((hash): GuardFile => ({ file: join(paths.releases, hash, 'guard.js'), hash }));
  const plain = join(paths.dist, 'guard.js');
  return dist === null && text === null && existsSync(plain) ? [{ file: plain, hash: null }, ...files] : files;
}

/** Is there anything to judge, a trial, a probation, or what is left of one? */
function somethingToJudge(base: string): boolean {
  const { trial, trialEnding, probation, probationEnding } = nodePaths(base);
  return [trial, trialEnding, probation, probationEnding].some((path) => textOf(path) !== null);
}

/**
 * '' when the guard of this release can be believed, otherwise why not. Its whole tree is hashed where it has something to
 * judge; at a start with nothing to judge its own file is enough, against what was kept of it when it was installed.
 */
export async function whyNotTrusted(base: string, { hash }: GuardFile): Promise<string> {
  if (hash === null) return ''; // No release yet: there is nothing that says what it should be.
  try {
    if (!somethingToJudge(base) && (await ownFileIsRight(base, hash))) return '';
    await verifyRelease(base, hash);
    return '';
  } catch (thrown) {
    const { message, detail } = asClusterError(thrown);
    return detail.seen === undefined ? message : `${message}: ${detail.seen}`;
  }
}

/** False: it is not, or nobody wrote down what it was. */
async function ownFileIsRight(base: string, hash: string): Promise<boolean> {
  const name = Buffer.from('guard.js');
  const wanted = (await readManifest(base, hash))?.entries.find((entry) => entry.path.equals(name));
  if (wanted === undefined) return false;
  const bytes = await readFile(join(releasePath(base, hash), 'guard.js'));
  return createHash('sha256').update(bytes).digest('hex') === wanted.content;
}
