/**
 * `node rehearse`: does the way back work, before the way forward is taken? It changes nothing that counts: the guard of
 * the known-good release runs for real, on a copy of this node's state in a directory of its own.
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errno, quietly } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import { completeReleases } from '../trial/complete.ts';
import { readInstalled, readTrial } from '../trial/trial-view.ts';
import { type GuardRehearsal, guardGoesBack, type Outcome } from './rehearse-guard.ts';
import { needHash } from './verb-context.ts';

interface RehearsalCheck {
  name: 'known-good' | 'release' | 'guard' | 'space' | 'write' | 'service-manager';
  ok: boolean;
  seen: string;
  wanted: string;
  /** '' where nothing has to be done. */
  next: string;
}

export interface RehearsalResult {
  ok: boolean;
  verb: 'rehearse';
  nodeId: string;
  release: string;
  checks: RehearsalCheck[];
  /** Names the checks that failed. */
  error?: ClusterError;
}

export interface RehearseDeps extends GuardRehearsal {
  nodeId: string;
  /** Hashes the whole tree of releases/<hash> on this disk (P7). Throws ClusterError. */
  verifyRelease(base: string, hash: string): Promise<unknown>;
  diskFreeBytes(base: string): Promise<number>;
  /** Asks the service manager whether it is there; returns what it said, for people. Throws when it does not answer. */
  serviceManagerAnswers(): Promise<string>;
}

/** Less than this, and neither evidence nor etcd's next segment is sure of its place. */
const wantedFreeBytes = 64 * 1024 * 1024;

/**
 * Looks at all that a way back needs; every check is made, also after one has failed. Throws ClusterError 'usage' for what
 * is no release's name; everything else is a check that failed.
 */
export async function rehearse(deps: RehearseDeps, request: { release: string }): Promise<RehearsalResult> {
  const { base, nodeId } = deps;
  const { release } = request;
  needHash(release);
  const knownGood = readTrial(base)?.knownGood ?? readInstalled(base);
  const checks: RehearsalCheck[] = [];
  const check = async (
    name: RehearsalCheck['name'],
    wanted: string,
    next: string,
    look: () => Outcome | Promise<Outcome>,
  ): Promise<void> => {
    let outcome: Outcome;
    try {
      outcome = await look();
    } catch (thrown) {
      const { message, detail } = asClusterError(thrown);
      outcome = { ok: false, seen: detail.seen === undefined ? message : `${message}: ${detail.seen}` };
    }
    checks.push({ name, wanted, ...outcome, next: outcome.ok ? '' : next });
  };

  await check(
    'known-good',
    'the release that runs, complete, with the hash that is its name',
    'stage the release that runs from another node after removing it, or bring in one that is whole',
    () => knownGoodIsWhole(deps, knownGood),
  );
  await check('release', `releases/${release}, complete, or not staged yet`, 'stage it again', () =>
    stagedIsComplete(base, release),
  );
  await check(
    'guard',
    'the guard of the known-good release ends a trial that is out of starts, and points dist to that release',
    'install a build whose guard works by hand: dist -> releases/<hash>, then restart the supervisor',
    () => guardGoesBack(deps, release, knownGood),
  );
  await check('space', `${wantedFreeBytes} bytes free`, 'make room on the disk', async () => {
    const free = await deps.diskFreeBytes(base);
    return { ok: free >= wantedFreeBytes, seen: `${free} bytes free` };
  });
  await check(
    'write',
    'files can be created, synced, renamed and removed in base, data and releases',
    'make these directories writable for the user of the daemon',
    () => canWrite(base),
  );
  await check('service-manager', 'an answer', 'start it: claudecluster supervise --config FILE', async () => ({
    ok: true,
    seen: await deps.serviceManagerAnswers(),
  }));

  const failed = checks.filter((one) => !one.ok);
  const result: RehearsalResult = { ok: failed.length === 0, verb: 'rehearse', nodeId, release, checks };
  const [first] = failed;
  if (first === undefined) return result;
  const names = failed.map((one) => one.name).join(', ');
  const { wanted, next } = first;
  const seen = failed.map((one) => `${one.name}: ${one.seen}`).join('; ');
  const message = `the way back would not work on ${nodeId}: ${names}`;
  return { ...result, error: new ClusterError('refused', message, { nodeId, seen, wanted, next }) };
}

async function knownGoodIsWhole(deps: RehearseDeps, knownGood: string | null): Promise<Outcome> {
  if (knownGood === null) return { ok: false, seen: 'dist is no link to a release' };
  if (!completeReleases(deps.base).includes(knownGood)) {
    return { ok: false, seen: `releases/${knownGood} lacks index.js, guard.js or version.json` };
  }
  await deps.verifyRelease(deps.base, knownGood);
  return { ok: true, seen: `releases/${knownGood}: every file as its hash says` };
}

function stagedIsComplete(base: string, release: string): Outcome {
  if (!existsSync(join(nodePaths(base).releases, release))) return { ok: true, seen: 'not staged yet' };
  const ok = completeReleases(base).includes(release);
  return { ok, seen: ok ? 'complete' : 'it lacks index.js, guard.js or version.json' };
}

function canWrite(base: string): Outcome {
  const { data, releases } = nodePaths(base);
  const refused = [base, data, releases].flatMap((dir) => {
    const path = join(dir, `.rehearsal-${process.pid}`);
    try {
      const fd = openSync(path, 'w', 0o600);
      try {
        writeSync(fd, 'rehearsal\n');
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(path, `${path}.renamed`);
      unlinkSync(`${path}.renamed`);
      return [];
    } catch (error) {
      for (const name of [path, `${path}.renamed`]) quietly(() => unlinkSync(name));
      return [`${dir}: ${errno(error) || String(error)}`];
    }
  });
  return { ok: refused.length === 0, seen: refused.length === 0 ? 'all of them took it' : refused.join('; ') };
}
