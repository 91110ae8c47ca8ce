/** The words of a decision about a trial: what goes in, what comes out. Plain data. */
import type { Holder } from './holders-file.ts';
import type { HealthyMarker, RollbackCause, Trial } from './trial-file.ts';

export type DistState =
  | { kind: 'link'; hash: string | null /** Leads to something startable outside releases/. */; foreign: boolean }
  | { kind: 'directory' }
  | { kind: 'missing' };

export interface TrialInput {
  /** 'start': before the daemon starts. 'tick': while it runs. 'verb': the caller holds the verb lock. */
  reason: 'start' | 'tick' | 'verb';
  trialText: string | null;
  endingText: string | null;
  progressText: string | null;
  probationText: string | null;
  probationEndingText: string | null;
  probationCountText: string | null;
  /** Of `data/starts.json`: starts without a trial since the release was last healthy. */
  startsText: string | null;
  dist: DistState;
  /** null: no such link; hash null: a link to something else. */
  distBak: { hash: string | null } | null;
  /** Releases with index.js, guard.js and version.json, newest first. */
  complete: string[];
  /** Releases that were committed here, the last one first; [] on a node that an older build committed. */
  committed: string[];
  /** Releases that were hashed in this run: '' for whole, otherwise what is wrong with it. */
  looked: Record<string, string>;
  /** Nodes that ran a release when this one last looked. Default: none known. */
  holders?: Holder[];
  /** From an interrupted conversion: the intended hash, and whether the old directory still stands aside. */
  convertingTo: string | null;
  convertingDir: boolean;
  /** Releases that failed here: the last choice where any will do. */
  avoid: string[];
  bootId: string;
  nowMs: number;
  marker: HealthyMarker | null;
  /** Another living process holds the verb lock: what looks like a leftover may be its work in progress. */
  verbRuns: boolean;
}

/** What a way back is about: a trial, or a build on probation. */
export type Ended = Pick<Trial, 'id' | 'updateId' | 'release' | 'knownGood' | 'epoch'>;

/** One change of the disk. Names are relative to the base. `bestEffort`: its failure does not stop the rest. */
export type Effect =
  | { do: 'claim'; from: string; to: string }
  | { do: 'rename'; from: string; to: string; bestEffort?: true }
  | { do: 'link'; name: string; hash: string }
  | { do: 'remove'; name: string; bestEffort?: true }
  | { do: 'write'; name: string; value: unknown; bestEffort?: true }
  /** Marks a release that is not whole, for the daemon and for whoever stages it again. */
  | { do: 'mark'; release: string; why: string; bestEffort: true }
  /** Takes a release off the list of what was committed here. */
  | { do: 'forget'; hash: string; bestEffort: true }
  | { do: 'evidence'; trial: Ended | null; cause: RollbackCause; why: string; to: string | null; bestEffort: true };

type DecisionKind =
  | 'look'
  | 'start'
  | 'count'
  | 'watch'
  | 'rebase'
  | 'clear'
  | 'roll-back'
  | 'finish'
  | 'repair'
  | 'keep'
  | 'probation'
  | 'stuck';

export interface Decision {
  kind: DecisionKind;
  /** In words, for the log. */
  why: string;
  effects: Effect[];
  /** Decide anew when the effects are done. */
  again: boolean;
  /** May only be done by a holder of the verb lock. */
  needsLock: boolean;
  /** What is to run: a release's hash, 'dist' for a `dist` that is no link of ours, null: nothing can. */
  run: string | 'dist' | null;
  /** What to run when the disk refuses the effects. */
  fallback: string | 'dist' | null;
  rollback: { trial: Ended | null; cause: RollbackCause; why: string } | null;
  /** Nothing can be decided before this release was hashed. */
  look?: string;
}

/** A decision with nothing in it. */
export const plain = { effects: [] as Effect[], again: false, needsLock: false, rollback: null };

/** The hash that dist points to, if it is one of ours. */
export function distHash(input: TrialInput): string | null {
  return input.dist.kind === 'link' ? input.dist.hash : null;
}
