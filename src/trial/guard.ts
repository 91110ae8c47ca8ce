/**
 * The guard: gathers what is on the disk, has trial.ts decide, does it, and decides again until there is nothing left
 * to do. It needs no network, no leader, nothing of the release on trial, and no module but Node's own (P2, P3).
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  createDisk,
  type Disk,
  errno,
  hashOfTarget,
  quietly,
  readLinkHash,
  readTextOrNull,
  removeDurable,
  removeStrayTmp,
  renameDurable,
  switchLink,
  writeJsonAtomic,
} from '../base/files.ts';
import { lockHolder, tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import { committedHere, forgetCommitted } from '../release/committed.ts';
import { planRollback } from './back.ts';
import { markDamaged } from './damage-file.ts';
import type { Decision, DistState, Effect, TrialInput } from './decision.ts';
import { rollbackRecord } from './evidence.ts';
import { readHolders } from './holders-file.ts';
import { probationCountFile } from './probation-file.ts';
import { decide } from './trial.ts';
import {
  convertFile,
  convertingDir,
  deadlines,
  isHash,
  isHealthy,
  parseMarker,
  parseTrial,
  progressFile,
  progressOf,
  type RollbackCause,
} from './trial-file.ts';
import { whyNotWhole } from './whole.ts';

export interface GuardDeps {
  base: string;
  reason: TrialInput['reason'];
  bootId: string;
  /** CLOCK_MONOTONIC, ms. */
  nowMs: number;
  wallIso: string;
  disk?: Disk;
  /** Asked for by a leader or an operator: roll the trial back, whatever its limits say. */
  rollback?: { cause: RollbackCause; why: string };
}

export interface GuardResult {
  /**
   * start / nothing: go on. rolled-back: `dist` is the known-good release again. kept: it should go back and cannot,
   * `notes` say why. stuck: nothing can be run. disk-refused: the disk takes no changes; run what `run` says.
   */
  action: 'start' | 'nothing' | 'rolled-back' | 'kept' | 'stuck' | 'disk-refused';
  /** Absolute directory whose index.js is to run; null: none. */
  run: string | null;
  /** Its hash, where it is one of ours. */
  release: string | null;
  trial: GuardTrial | null;
  rolledBack: { updateId: string; release: string; cause: RollbackCause; why: string } | null;
  /** What `run` leads to was hashed and is not whole: it runs for want of a better one. Absent in an older guard's answer. */
  damaged?: { release: string; why: string } | null;
  notes: string[];
}

interface GuardTrial {
  updateId: string;
  release: string;
  bootsUsed: number;
  bootsMax: number;
  healthyInMs: number | null;
  commitInMs: number;
}

/** Releases of this base with all that a start needs, newest first. Whether their content is right, verifying tells. */
export function completeReleases(base: string): string[] {
  const dir = nodePaths(base).releases;
  const found: { hash: string; ctimeMs: number }[] = [];
  quietly(() => {
    for (const hash of readdirSync(dir)) {
      if (isHash(hash) && isComplete(join(dir, hash))) found.push({ hash, ctimeMs: statSync(join(dir, hash)).ctimeMs });
    }
  });
  found.sort((a, b) => b.ctimeMs - a.ctimeMs || (a.hash < b.hash ? -1 : 1));
  return found.map((one) => one.hash);
}

function isComplete(dir: string): boolean {
  return ['index.js', 'guard.js', 'version.json'].every((name) => {
    try {
      return statSync(join(dir, name)).isFile();
    } catch {
      return false;
    }
  });
}

/** Everything that may influence the decision, read now. */
function gather(deps: GuardDeps, verbRuns: boolean, looked: TrialInput['looked']): TrialInput {
  const paths = nodePaths(deps.base);
  const markerText = readOrGarbage(paths.healthy);
  return {
    reason: deps.reason,
    trialText: readOrGarbage(paths.trial),
    endingText: readOrGarbage(paths.trialEnding),
    progressText: readOrGarbage(join(deps.base, progressFile)),
    probationText: readOrGarbage(paths.probation),
    probationEndingText: readOrGarbage(paths.probationEnding),
    probationCountText: readOrGarbage(join(deps.base, probationCountFile)),
    dist: distState(paths.dist),
    distBak: isLink(paths.distBak) ? { hash: readLinkHash(paths.distBak) } : null,
    complete: completeReleases(deps.base),
    committed: committedHere(deps.base),
    looked,
    holders: readHolders(deps.base),
    convertingTo: hashIn(readOrGarbage(join(deps.base, convertFile)), 'hash'),
    convertingDir: existsSync(join(deps.base, convertingDir, 'index.js')),
    avoid: [hashIn(readOrGarbage(paths.lastRollback), 'release')].filter((hash) => hash !== null),
    bootId: deps.bootId,
    nowMs: deps.nowMs,
    marker: markerText === null ? null : parseMarker(markerText),
    verbRuns,
  };
}

/** null: not there. A file that is there and cannot be read counts as garbage, for pretending it away would be worse. */
function readOrGarbage(path: string): string | null {
  try {
    return readTextOrNull(path);
  } catch {
    return '';
  }
}

function hashIn(text: string | null, field: string): string | null {
  if (text === null) return null;
  try {
    const value: unknown = (JSON.parse(text) as Record<string, unknown>)[field];
    return isHash(value) ? value : null;
  } catch {
    return null;
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

function distState(path: string): DistState {
  try {
    const stat = lstatSync(path);
    if (stat.isDirectory()) return { kind: 'directory' };
    if (!stat.isSymbolicLink()) return { kind: 'missing' };
    const hash = hashOfTarget(readlinkSync(path));
    return { kind: 'link', hash, foreign: hash === null && existsSync(join(path, 'index.js')) };
  } catch {
    return { kind: 'missing' };
  }
}

/** Does one effect, durably. Throws errno errors; what is to be removed may be gone already. */
function applyEffect(deps: GuardDeps, effect: Effect, disk: Disk): void {
  const at = (name: string): string => join(deps.base, name);
  switch (effect.do) {
    case 'claim':
    case 'rename':
      if (effect.to.includes('/')) mkdirSync(dirname(at(effect.to)), { recursive: true, mode: 0o700 });
      renameDurable(at(effect.from), at(effect.to), disk);
      return;
    case 'link':
      switchLink(at(effect.name), join('releases', effect.hash), disk);
      return;
    case 'remove':
      removeDurable(at(effect.name), disk);
      return;
    case 'write':
      writeJsonAtomic(at(effect.name), effect.value, disk);
      return;
    case 'mark':
      markDamaged(deps.base, { release: effect.release, why: effect.why, at: deps.wallIso }, disk);
      return;
    case 'forget':
      forgetCommitted(deps.base, effect.hash, disk);
      return;
    case 'evidence': {
      const { lastRollback } = nodePaths(deps.base);
      disk.mkdir(dirname(lastRollback));
      writeJsonAtomic(lastRollback, rollbackRecord(deps.base, { ...effect, atIso: deps.wallIso }), disk);
    }
  }
}

function applyAll(deps: GuardDeps, effects: Effect[], disk: Disk, notes: string[]): void {
  for (const effect of effects) {
    try {
      applyEffect(deps, effect, disk);
    } catch (error) {
      // A full disk must not keep a node from going back (P3): evidence is what it can do without.
      if (!('bestEffort' in effect)) throw error;
      if (errno(error) !== 'ENOENT') notes.push(`${effect.do}: ${errno(error) || String(error)}`);
    }
  }
}

/** More rounds than any chain of decisions takes: finish, repair, clear, start. */
const maxRounds = 16;

/**
 * Runs the guard once. With reason 'verb' the caller holds the verb lock. Never throws for the state of the disk: a
 * disk that takes no changes gives 'disk-refused' and what to run.
 */
export function runGuard(deps: GuardDeps): GuardResult {
  const session = createSession(deps);
  try {
    if (deps.reason !== 'tick') removeStrayTmp(deps.base);
    for (let round = 0; round < maxRounds; round += 1) {
      const result = session.round();
      if (result !== null) return result;
    }
    return session.giveUp();
  } finally {
    session.end();
  }
}

interface Session {
  /** One decision and its effects; a result when there is nothing more to decide. */
  round(): GuardResult | null;
  /** Decisions that do not hold: what the last one would run is better than nothing (P2). */
  giveUp(): GuardResult;
  end(): void;
}

function createSession(deps: GuardDeps): Session {
  const { base } = deps;
  const disk = deps.disk ?? createDisk();
  const lockPath = nodePaths(base).verbLock;
  const notes: string[] = [];
  let unlock: (() => void) | null = null;
  let haveLock = deps.reason === 'verb';
  let verbRuns = !haveLock && lockHolder(lockPath) !== null;
  let rolledBack: GuardResult['rolledBack'] = null;
  let last: Decision | null = null;
  /** Hashed once in a run, and only when a decision asks for it: a start without a trial hashes nothing. */
  const looked: TrialInput['looked'] = {};
  /** A decision taken outside of `decide`, to be done in the next round. */
  let forced: { cause: RollbackCause; why: string } | null = deps.rollback ?? null;

  const note = (text: string): void => {
    if (!notes.includes(text)) notes.push(text);
  };

  const result = (action: GuardResult['action'], run: Decision['run']): GuardResult => {
    const release = run === 'dist' ? null : run;
    const dir = run === null ? null : run === 'dist' ? join(base, 'dist') : join(base, 'releases', run);
    const why = release === null ? '' : (looked[release] ?? '');
    const damaged = release === null || why === '' ? null : { release, why };
    return { action, run: dir, release, trial: trialView(deps), rolledBack, damaged, notes };
  };

  /** Decides, and hashes what it must know for that. */
  const settle = (input: TrialInput): Decision => {
    for (;;) {
      const decision = (forced === null ? null : planForced(input, forced)) ?? decide(input);
      if (decision.look === undefined) return decision;
      looked[decision.look] = whyNotWhole(base, decision.look);
    }
  };

  /** Takes the lock for a decision that needs it; afterwards the state is read again, for it may have changed. */
  const takeLock = (): void => {
    const attempt = tryLock(lockPath, `guard ${deps.reason}`, disk);
    verbRuns = !attempt.held;
    if (!attempt.held) return;
    haveLock = true;
    unlock = attempt.release;
  };

  /** The disk refused: where a trial could not be counted it goes back, and what cannot be written is run without. */
  const refused = (decision: Decision, input: TrialInput, error: unknown): GuardResult | null => {
    const what = `the disk refused (${errno(error) || String(error)}): ${decision.why}`;
    note(what);
    if (decision.kind === 'count' || decision.kind === 'rebase') {
      if (forced === null && planForced(input, { cause: 'boots', why: what }) !== null) {
        forced = { cause: 'boots', why: what };
        return null;
      }
    }
    return result('disk-refused', decision.fallback);
  };

  return {
    round() {
      const input = gather(deps, verbRuns, looked);
      const decision = settle(input);
      last = decision;
      if (decision.needsLock && !haveLock) {
        try {
          takeLock();
          return null;
        } catch (error) {
          return refused(decision, input, error);
        }
      }
      try {
        applyAll(deps, decision.effects, disk, notes);
      } catch (error) {
        // Somebody else was first (a commit, another finisher): read again and decide on what is there now.
        if (errno(error) === 'ENOENT') return null;
        return refused(decision, input, error);
      }
      if (decision.kind === 'finish' && decision.rollback !== null) rolledBack = rolledBackView(decision.rollback);
      if (decision.kind !== 'start' && decision.kind !== 'watch') note(decision.why);
      return decision.again ? null : result(actionOf(decision, deps.reason, rolledBack !== null), decision.run);
    },
    giveUp() {
      note('no decision holds: the disk changes under the guard, or takes no changes');
      const run = last?.fallback ?? null;
      return result(run === null ? 'stuck' : 'disk-refused', run);
    },
    end: () => unlock?.(),
  };
}

function planForced(input: TrialInput, forced: { cause: RollbackCause; why: string }): Decision | null {
  const trial = input.endingText === null && input.trialText !== null ? parseTrial(input.trialText) : null;
  const onTrial = trial !== null && input.dist.kind === 'link' && input.dist.hash === trial.release;
  return onTrial ? planRollback(input, trial, forced.cause, forced.why) : null;
}

function rolledBackView(rollback: NonNullable<Decision['rollback']>): GuardResult['rolledBack'] {
  const { trial, cause, why } = rollback;
  return { updateId: trial?.updateId ?? '', release: trial?.release ?? '', cause, why };
}

function actionOf(decision: Decision, reason: TrialInput['reason'], rolledBack: boolean): GuardResult['action'] {
  if (decision.kind === 'stuck') return 'stuck';
  if (rolledBack) return 'rolled-back';
  if (decision.kind === 'keep') return 'kept';
  return reason === 'start' ? 'start' : 'nothing';
}

function trialView(deps: GuardDeps): GuardTrial | null {
  const paths = nodePaths(deps.base);
  const text = readOrGarbage(paths.trial);
  const trial = text === null ? null : parseTrial(text);
  if (trial === null || readLinkHash(paths.dist) !== trial.release) return null;
  const progress = progressOf(trial, readOrGarbage(join(deps.base, progressFile)));
  if (progress === 'unreadable') return null;
  const { healthyInMs, commitInMs } = deadlines(trial, progress, deps);
  const markerText = readOrGarbage(paths.healthy);
  const healthy = isHealthy(markerText === null ? null : parseMarker(markerText), trial, deps.bootId);
  const { updateId, release, bootsMax } = trial;
  return {
    updateId,
    release,
    bootsUsed: progress.bootsUsed,
    bootsMax,
    healthyInMs: healthy ? null : healthyInMs,
    commitInMs,
  };
}
