/**
 * `node rehearse`: does the way back work, before the way forward is taken? It changes nothing that counts: the guard of
 * the known-good release runs for real, on a copy of this node's state in a directory of its own.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { identify, readBootId } from '../base/boot.ts';
import { errno, quietly, readLinkHash, readTextOrNull } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { completeReleases } from '../trial/guard.ts';
import { askGuard, guardLimitMs } from '../trial/guard-process.ts';
import { progressPath, type Trial } from '../trial/trial-file.ts';
import { readInstalled, readTrial } from '../trial/trial-view.ts';
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

export interface RehearseDeps {
  base: string;
  nodeId: string;
  clock: Clock;
  /** Hashes the whole tree of releases/<hash> on this disk (P7). Throws ClusterError. */
  verifyRelease(base: string, hash: string): Promise<unknown>;
  diskFreeBytes(base: string): Promise<number>;
  /** Asks the service manager whether it is there; returns what it said, for people. Throws when it does not answer. */
  serviceManagerAnswers(): Promise<string>;
  /** How long the guard may take, ms. Default 5,000. */
  guardTimeoutMs?: number;
}

/** Less than this, and neither evidence nor etcd's next segment is sure of its place. */
const wantedFreeBytes = 64 * 1024 * 1024;

type Outcome = { ok: boolean; seen: string };

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

// ---------------------------------------------------------------------------------------------- the guard, for real

async function guardGoesBack(deps: RehearseDeps, release: string, knownGood: string | null): Promise<Outcome> {
  if (knownGood === null) return { ok: false, seen: 'there is no known-good release' };
  removeLeftOvers(deps.base);
  const copy = join(nodePaths(deps.base).run, `rehearsal-${process.pid}-${deps.clock.randomId(4)}`);
  try {
    layOut(deps, copy, release, knownGood);
    const guard = join(nodePaths(deps.base).releases, knownGood, 'guard.js');
    const limitMs = guardLimitMs(deps.base, deps.guardTimeoutMs ?? 5_000);
    const answer = await askGuard(guard, copy, 'start', limitMs);
    if (typeof answer === 'string') return { ok: false, seen: `the guard did not answer (${answer})` };
    const { action, release: gaveBack } = answer.result;
    const dist = readLinkHash(nodePaths(copy).dist);
    const stands = readTextOrNull(nodePaths(copy).trial) !== null;
    const ok = action === 'rolled-back' && gaveBack === knownGood && dist === knownGood && !stands;
    const said = `the guard answered ${action}, releases/${gaveBack}`;
    return { ok, seen: `${said}; dist -> ${dist ?? 'no release'}${stands ? '; the trial still stands' : ''}` };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The state of a node right before its trial is ended: switched, and out of starts. Releases are links, so it costs nothing. */
function layOut(deps: RehearseDeps, copy: string, wanted: string, knownGood: string): void {
  const from = nodePaths(deps.base);
  const to = nodePaths(copy);
  // A rehearsal for what runs already needs another name on trial.
  const release = wanted === knownGood ? [...wanted].reverse().join('') : wanted;
  const standIn = release === knownGood ? 'f'.repeat(64) : release;
  for (const dir of [to.releases, to.data, to.run, to.log]) mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const hash of completeReleases(deps.base)) {
    if (hash !== standIn) symlinkSync(join(from.releases, hash), join(to.releases, hash));
  }
  // Of the release on trial the guard may read nothing, so there is nothing in it.
  mkdirSync(join(to.releases, standIn));
  for (const name of ['index.js', 'guard.js', 'version.json']) writeFileSync(join(to.releases, standIn, name), '');
  if (existsSync(from.lastRollback)) copyFileSync(from.lastRollback, to.lastRollback);
  const trial: Trial = {
    v: 1,
    id: 'rehearsal',
    service: 'rehearsal',
    updateId: 'rehearsal',
    release: standIn,
    knownGood,
    epoch: 0,
    bootId: readBootId(),
    startedAtMs: deps.clock.nowMs(),
    healthTimeoutMs: 600_000,
    trialMs: 600_000,
    bootsMax: 1,
    armedAt: deps.clock.wallIso(),
  };
  const { id, bootId, startedAtMs } = trial;
  const progress = { v: 1, trial: id, bootsUsed: 1, bootId, startedAtMs, healthyFromMs: startedAtMs, ending: null };
  writeFileSync(to.trial, JSON.stringify(trial));
  writeFileSync(progressPath(copy), JSON.stringify(progress));
  symlinkSync(join('releases', knownGood), to.distBak);
  symlinkSync(join('releases', standIn), to.dist);
}

/** Of rehearsals that were killed. */
function removeLeftOvers(base: string): void {
  const { run } = nodePaths(base);
  quietly(() => {
    mkdirSync(run, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(run)) {
      const pid = /^rehearsal-(\d+)-/.exec(name)?.[1];
      if (pid !== undefined && Number(pid) !== process.pid && identify(Number(pid)) === null) {
        rmSync(join(run, name), { recursive: true, force: true });
      }
    }
  });
}
