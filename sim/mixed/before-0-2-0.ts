/**
 * What the daemon of the simulation asks for and 0.1.0 does not have, as it was there: nobody looked at releases, nobody
 * was told what is damaged or committed, the epoch was believed. Its own modules are imported by the names of now
 * (releases.ts has the table).
 */

import { ClusterError } from '../../src/errors.ts';
import * as own from '../../src/host/epoch.ts';
import { completeReleases } from '../../src/trial/complete.ts';
import { parseProbation } from '../../src/trial/probation-file.ts';
import { parseTrial } from '../../src/trial/trial-file.ts';
import { damagedFile, linkedBy } from '../world/releases.ts';
import type { Host } from '../world/types.ts';

const nothing = async (): Promise<void> => undefined;

export const watchDamaged = nothing;
export const ownUpkeep = nothing;
export const noteCommitted = (): void => undefined;
export const committedHere = (): string[] => [];
export const presentEpoch = async (): Promise<number> => 0;

export const { readEpoch } = own;
type Admit = (base: string, epoch: number, nodeId: string) => void;

/** It believed every epoch that is not older than the one it had. */
export async function admitEpoch({ base, nodeId }: { base: string; nodeId: string }, epoch: number): Promise<void> {
  (own.admitEpoch as unknown as Admit)(base, epoch, nodeId);
}

/** `damage` for who asks, and nothing of it in an answer. */
const looked = Object.defineProperty({}, 'damage', { value: [] });

export const createLookWatch = (): object => ({ damaged: () => '', looked: () => looked, run: nothing });

export async function lookAtReleases(): Promise<never> {
  throw new ClusterError('usage', 'nobody looks at releases here');
}

/** Its supervisor runs the code that it was started with until it ends. */
export const takesOver = false;

/** Whose guard its supervisor asks, as src/node/supervise-guard.ts did: of a release that it names, if that guard can run. */
export function guardOf(host: Host): string | null {
  const { entries } = host.disk.root;
  const file = entries.get('trial.json') ?? entries.get('trial.ending.json');
  const trial = file?.kind === 'file' ? parseTrial(file.text) : null;
  const [dist, bak] = [linkedBy(host, 'dist'), linkedBy(host, 'dist.bak')];
  const suspect = file === undefined ? null : (trial?.release ?? (bak === dist ? null : dist));
  const complete = completeReleases(host.base);
  const counted = entries.get('probation.json') ?? entries.get('probation.ending.json');
  const previous = counted?.kind === 'file' ? (parseProbation(counted.text)?.previous ?? null) : null;
  const named = file === undefined ? [previous, dist, bak] : [bak, trial?.knownGood ?? null];
  const trusted = [...named, ...complete].filter((hash) => hash !== suspect && complete.includes(hash ?? ''));
  return (
    [...new Set(trusted)].slice(0, 3).find((hash) => hash !== null && !damagedFile(host, hash, 'guard.js')) ?? null
  );
}
