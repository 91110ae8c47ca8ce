/** The effects of a decision about the trial, done on the disk. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Disk, errno, removeDurable, renameDurable, switchLink, writeJsonAtomic } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { forgetCommitted } from '../release/committed.ts';
import { markDamaged } from './damage-file.ts';
import type { Effect } from './decision.ts';
import { rollbackRecord } from './evidence.ts';
import type { GuardDeps } from './guard-result.ts';

export function applyAll(deps: GuardDeps, effects: Effect[], disk: Disk, notes: string[]): void {
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
