/** Whose guard a supervisor of this version asks, as src/host/managers/supervisor/guard-watch.ts does. */
import { guardCandidates } from '../../src/host/managers/supervisor/trusted-guard.ts';
import { damaged } from './releases.ts';
import type { Host } from './types.ts';

/** A supervisor takes over the code of the release that was committed. */
export const takesOver = true;

/** The release whose guard judges; null: none is whole, and the supervisor's own copy of the guard does. */
export function guardOf(host: Host): string | null {
  const candidates = guardCandidates(host.base).slice(0, 3);
  return candidates.find(({ hash }) => hash !== null && damaged(host, hash) === null)?.hash ?? null;
}
