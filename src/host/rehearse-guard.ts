/** The known-good release's guard, run for real on a copy of this node's state: does it go back? */
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify, readBootId } from '../base/boot.ts';
import { quietly, readLinkHash, readTextOrNull } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import type { Clock } from '../ports/clock.ts';
import { completeReleases } from '../trial/complete.ts';
import { askGuard, guardLimitMs } from '../trial/guard-process.ts';
import { progressPath, type Trial } from '../trial/trial-file.ts';

export type Outcome = { ok: boolean; seen: string };

export interface GuardRehearsal {
  base: string;
  clock: Clock;
  /** How long the guard may take, ms. Default 5,000. */
  guardTimeoutMs?: number;
}

export async function guardGoesBack(deps: GuardRehearsal, release: string, knownGood: string | null): Promise<Outcome> {
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
function layOut(deps: GuardRehearsal, copy: string, wanted: string, knownGood: string): void {
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
