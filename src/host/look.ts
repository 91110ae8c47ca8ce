/**
 * A node looks at its known-good release: hashes the whole tree, says whether it is what its name says, and marks it or
 * takes the mark back. `node verify` is this, and so is the look that a node takes by itself every hour (P7).
 */

import { join } from 'node:path';
import { readBootId } from '../base/boot.ts';
import { isBuildHash } from '../base/build-hash.ts';
import { createDisk, type Disk, quietly, readLinkHash, readTextOrNull, writeJsonAtomic } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { noteCommitted } from '../release/committed.ts';
import { completeReleases } from '../trial/complete.ts';
import { type Damage, markDamaged, readDamage, unmarkDamaged } from '../trial/damage-file.ts';
import { fieldsOf, isCount } from '../trial/trial-file.ts';
import { readInstalled, readTrial } from '../trial/trial-view.ts';

export interface LookDeps {
  base: string;
  nodeId: string;
  clock: Clock;
  /** Hashes the whole tree of releases/<hash> on this disk. Throws ClusterError. */
  verifyRelease(base: string, hash: string): Promise<unknown>;
  disk?: Disk;
  bootId?: string;
}

export interface LookResult {
  ok: boolean;
  verb: 'verify';
  nodeId: string;
  /** The known-good release: what runs, or what a trial would go back to. null: dist is no link to a release. */
  release: string | null;
  whole: boolean;
  /** Every release that was looked at and is not whole. */
  damaged: Damage[];
  /** CLOCK_MONOTONIC of this boot, ms, when the look began. */
  atMs: number;
  /** The known-good release is not whole: which one, and what to do. */
  error?: ClusterError;
}

/** `data/last-look.json`: which release was looked at, and when, by the monotonic clock of which boot. */
export interface LastLook {
  release: string;
  bootId: string;
  atMs: number;
}

const lastLookFile = join('data', 'last-look.json');

/** The last look at the release that is the known-good one now, in this boot; null: there was none. Never throws. */
export function readLastLook(base: string, bootId: string = readBootId()): LastLook | null {
  try {
    const { release, bootId: boot, atMs } = fieldsOf(readTextOrNull(join(base, lastLookFile)) ?? '') ?? {};
    if (!isBuildHash(release) || boot !== bootId || !isCount(atMs) || release !== knownGoodOf(base)) return null;
    return { release, bootId, atMs };
  } catch {
    return null;
  }
}

/** What this node would go back to, or runs for good. */
export function knownGoodOf(base: string): string | null {
  return readTrial(base)?.knownGood ?? readInstalled(base);
}

/**
 * Looks at the known-good release and at every release that is marked. Returns what it saw, whether or not the disk takes
 * a note of it; never throws for what is wrong with a release.
 */
export async function lookAtReleases(deps: LookDeps): Promise<LookResult> {
  const { base, nodeId, clock } = deps;
  const disk = deps.disk ?? createDisk();
  const atMs = clock.nowMs();
  const release = knownGoodOf(base);
  const marked = readDamage(base).map((one) => one.release);
  const damaged: Damage[] = [];
  for (const hash of new Set([release, ...marked])) {
    if (hash === null) continue;
    const why = await whyDamaged(deps, hash);
    if (why !== '') {
      const damage = { release: hash, why, at: clock.wallIso() };
      damaged.push(damage);
      quietly(() => markDamaged(base, damage, disk));
    } else quietly(() => unmarkDamaged(base, hash, disk));
  }
  const whole = release !== null && damaged.every((one) => one.release !== release);
  const last: LastLook | null = release === null ? null : { release, bootId: deps.bootId ?? readBootId(), atMs };
  quietly(() => {
    if (last === null) return;
    writeJsonAtomic(join(base, lastLookFile), { v: 1, ...last }, disk);
    // What an older build committed is on the list from here on.
    if (whole && readTrial(base) === null) noteCommitted(base, last.release, clock.wallIso(), disk);
  });
  const result: LookResult = { ok: whole, verb: 'verify', nodeId, release, whole, damaged, atMs };
  return whole ? result : { ...result, error: notWhole(result) };
}

function notWhole({ nodeId, release, damaged }: LookResult): ClusterError {
  if (release === null) {
    const next = 'restart the service: it turns a plain dist/ into a release';
    return new ClusterError('not-found', 'dist is no link to a release', { nodeId, next });
  }
  return new ClusterError('verify-failed', `the known-good release of ${nodeId} is not whole`, {
    nodeId,
    seen: damaged.find((one) => one.release === release)?.why ?? 'not as its name says',
    wanted: release,
    next: `the leader stages it again; by hand: claudecluster node stage ${release} --from NODE`,
  });
}

/** '' for a release that is whole, or that is gone and that nothing leads to: it concerns nobody any more. */
async function whyDamaged(deps: LookDeps, hash: string): Promise<string> {
  const { dist, distBak } = nodePaths(deps.base);
  const needed = [readLinkHash(dist), readLinkHash(distBak)].includes(hash);
  try {
    await deps.verifyRelease(deps.base, hash);
    return '';
  } catch (thrown) {
    const { code, message, detail } = asClusterError(thrown);
    if (code === 'not-found' && !needed && !completeReleases(deps.base).includes(hash)) return '';
    return detail.seen === undefined ? message : `${message}: ${detail.seen}`;
  }
}
