/**
 * How this node stands to the leadership: who was last seen to lead, and the term that it holds itself, as long as its lease
 * lives. Tells whoever listens when that changes.
 */
import { keys } from '../../base/store-keys.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Leadership } from '../../ports/raft.ts';
import type { Compare, Lease } from '../../ports/store.ts';
import type { Seen } from './leader-keys.ts';

export interface LeadershipView extends Leadership {
  /** This node leads, as far as it knows. */
  isLeader: boolean;
}

/** What makes this node the leader: a key of that revision on that lease. */
export interface Term {
  epoch: number;
  modRevision: number;
  lease: Lease;
}

export interface Standing {
  /** False from the moment when the lease cannot be relied on any more, asked of the clock at this very call. */
  isLeader(): boolean;
  /** Epoch under which this node leads; 0: it does not. */
  epoch(): number;
  fence(): Compare | null;
  view(): LeadershipView;
  /** What was held when the store was last read: whether it still counts, `isLeader` says. */
  term(): Term | null;
  /** From here on this node does not act as the leader any more. Returns what it held. */
  drop(): Term | null;
  /** The same, and reading that key again gives it no term again: another one has to be won. */
  giveUp(): Term | null;
  /** Is it the key that was given up, and is still there? */
  givenUp(seen: Seen): boolean;
  /** The same for good: what is read later gives it no term. */
  resign(): void;
  resigned(): boolean;
  /** Takes what was read as the present state of things. */
  note(seen: Seen): void;
  /** To whoever listens, if the view has changed. */
  tell(): void;
  onChange(listener: (view: LeadershipView) => void): () => void;
}

export interface StandingOptions {
  nodeId: string;
  logger: Logger;
  lease(): Lease | null;
}

export function createStanding({ nodeId, logger, lease: ownLease }: StandingOptions): Standing {
  const listeners = new Set<(view: LeadershipView) => void>();
  let term: Term | null = null;
  let lastSeen: Leadership = { leader: null, epoch: 0 };
  let told = '';
  let resigned = false;
  /** Revision of the key that was given up. */
  let left = 0;

  const givenUp = ({ leaderKv }: Seen): boolean => leaderKv !== null && leaderKv.modRevision === left;
  const isLeader = (): boolean => term?.lease.alive() ?? false;
  const view = (): LeadershipView => {
    const leads = isLeader();
    // Our own leadership that we lost is nobody's until somebody is seen to lead.
    const leader = lastSeen.leader === nodeId && !leads ? null : lastSeen.leader;
    return { leader, epoch: lastSeen.epoch, isLeader: leads };
  };
  const tell = (): void => {
    const now = view();
    const words = JSON.stringify(now);
    if (words === told) return;
    told = words;
    logger.info({ nodeId, ...now }, now.isLeader ? 'this node leads' : `leader: ${now.leader ?? 'none'}`);
    for (const listener of listeners) listener(now);
  };

  return {
    isLeader,
    epoch: () => (isLeader() ? (term?.epoch ?? 0) : 0),
    fence: () => (term && isLeader() ? { key: keys.leader, modRevision: term.modRevision } : null),
    view,
    term: () => term,
    drop() {
      const held = term;
      term = null;
      return held;
    },
    giveUp() {
      const held = term;
      term = null;
      left = held?.modRevision ?? left;
      return held;
    },
    givenUp,
    resign() {
      resigned = true;
    },
    resigned: () => resigned,
    note(seen) {
      lastSeen = { leader: seen.leader?.node ?? null, epoch: seen.epoch };
      const lease = ownLease();
      const ours =
        seen.leaderKv && seen.leader?.node === nodeId && lease !== null && seen.leaderKv.leaseId === lease.id;
      term =
        ours && !resigned && !givenUp(seen)
          ? { epoch: seen.epoch, modRevision: seen.leaderKv?.modRevision ?? 0, lease }
          : null;
      tell();
    },
    tell,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
