/**
 * The guard: gathers what is on the disk, has trial.ts decide, does it, and decides again until there is nothing left
 * to do. It needs no network, no leader, nothing of the release on trial, and no module but Node's own (P2, P3).
 *
 * gather.ts reads the disk · trial.ts, on-trial.ts, back.ts, probation.ts, repair.ts, start-count.ts decide · apply.ts does ·
 * guard-result.ts is what it is asked and what it answers.
 */
import { join } from 'node:path';
import { createDisk, type Disk, errno, removeStrayTmp } from '../base/files.ts';
import { lockHolder, tryLock } from '../base/lock.ts';
import { nodePaths } from '../base/paths.ts';
import { applyAll } from './apply.ts';
import { planRollback } from './back.ts';
import type { Decision, TrialInput } from './decision.ts';
import { gather } from './gather.ts';
import { actionOf, type GuardDeps, type GuardResult, rolledBackView, trialView } from './guard-result.ts';
import { decide } from './trial.ts';
import { parseTrial } from './trial-file.ts';
import { whyNotWhole } from './whole.ts';

/** More rounds than any chain of decisions takes: finish, repair, clear, start. */
const maxRounds = 16;

/**
 * Runs the guard once. With reason 'verb' the caller holds the verb lock. Never throws for the state of the disk: a
 * disk that takes no changes gives 'disk-refused' and what to run.
 */
export function runGuard(deps: GuardDeps): GuardResult {
  const session = new Session(deps);
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

/** One run of the guard: what it holds and what it has learned while it decides, does, and decides again. */
class Session {
  private readonly deps: GuardDeps;
  private readonly disk: Disk;
  private readonly lockPath: string;
  private readonly notes: string[] = [];
  private unlock: (() => void) | null = null;
  private haveLock: boolean;
  private verbRuns: boolean;
  private rolledBack: GuardResult['rolledBack'] = null;
  private last: Decision | null = null;
  /** Hashed once in a run, and only when a decision asks for it: a start after a healthy run hashes nothing. */
  private readonly looked: TrialInput['looked'] = {};
  /** A decision taken outside of `decide`, to be done in the next round. */
  private forced: Forced | null;

  constructor(deps: GuardDeps) {
    this.deps = deps;
    this.disk = deps.disk ?? createDisk();
    this.lockPath = nodePaths(deps.base).verbLock;
    this.haveLock = deps.reason === 'verb';
    this.verbRuns = !this.haveLock && lockHolder(this.lockPath) !== null;
    this.forced = deps.rollback ?? null;
  }

  /** One decision and its effects; a result when there is nothing more to decide. */
  round(): GuardResult | null {
    const { deps } = this;
    const input = gather(deps, this.verbRuns, this.looked);
    const decision = this.settle(input);
    this.last = decision;
    if (decision.needsLock && !this.haveLock) {
      try {
        this.takeLock();
        return null;
      } catch (error) {
        return this.refused(decision, input, error);
      }
    }
    try {
      applyAll(deps, decision.effects, this.disk, this.notes);
    } catch (error) {
      // Somebody else was first (a commit, another finisher): read again and decide on what is there now.
      if (errno(error) === 'ENOENT') return null;
      return this.refused(decision, input, error);
    }
    if (decision.kind === 'finish' && decision.rollback !== null) this.rolledBack = rolledBackView(decision.rollback);
    if (decision.kind !== 'start' && decision.kind !== 'watch') this.note(decision.why);
    if (decision.again) return null;
    return this.result(actionOf(decision, deps.reason, this.rolledBack !== null), decision.run);
  }

  /** Decisions that do not hold: what the last one would run is better than nothing (P2). */
  giveUp(): GuardResult {
    this.note('no decision holds: the disk changes under the guard, or takes no changes');
    const run = this.last?.fallback ?? null;
    return this.result(run === null ? 'stuck' : 'disk-refused', run);
  }

  end(): void {
    this.unlock?.();
  }

  /** Decides, and hashes what it must know for that. */
  private settle(input: TrialInput): Decision {
    for (;;) {
      const decision = (this.forced === null ? null : planForced(input, this.forced)) ?? decide(input);
      if (decision.look === undefined) return decision;
      this.looked[decision.look] = whyNotWhole(this.deps.base, decision.look);
    }
  }

  /** Takes the lock for a decision that needs it; afterwards the state is read again, for it may have changed. */
  private takeLock(): void {
    const attempt = tryLock(this.lockPath, `guard ${this.deps.reason}`, this.disk);
    this.verbRuns = !attempt.held;
    if (!attempt.held) return;
    this.haveLock = true;
    this.unlock = attempt.release;
  }

  /** The disk refused: where a trial could not be counted it goes back, and what cannot be written is run without. */
  private refused(decision: Decision, input: TrialInput, error: unknown): GuardResult | null {
    const what = `the disk refused (${errno(error) || String(error)}): ${decision.why}`;
    this.note(what);
    if (decision.kind === 'count' || decision.kind === 'rebase') {
      if (this.forced === null && planForced(input, { cause: 'boots', why: what }) !== null) {
        this.forced = { cause: 'boots', why: what };
        return null;
      }
    }
    return this.result('disk-refused', decision.fallback);
  }

  private result(action: GuardResult['action'], run: Decision['run']): GuardResult {
    const { base } = this.deps;
    const release = run === 'dist' ? null : run;
    const dir = run === null ? null : run === 'dist' ? join(base, 'dist') : join(base, 'releases', run);
    const why = release === null ? '' : (this.looked[release] ?? '');
    const damaged = release === null || why === '' ? null : { release, why };
    const { rolledBack, notes } = this;
    return { action, run: dir, release, trial: trialView(this.deps), rolledBack, damaged, notes };
  }

  private note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }
}

type Forced = NonNullable<GuardDeps['rollback']>;

function planForced(input: TrialInput, forced: Forced): Decision | null {
  const trial = input.endingText === null && input.trialText !== null ? parseTrial(input.trialText) : null;
  const onTrial = trial !== null && input.dist.kind === 'link' && input.dist.hash === trial.release;
  return onTrial ? planRollback(input, trial, forced.cause, forced.why) : null;
}
