/** What the record takes note of beside steps: what is waited for, who leads now, where the Raft leader is. Pure. */
import type { Change } from './change.ts';
import type { UpdateRecord } from './record.ts';
import type { Waiting } from './step.ts';

/** What is waited for, where an operator sees it. */
export function noteWaiting(record: UpdateRecord, waiting: Waiting): Change {
  const left =
    waiting.atMostMs > 0 ? `, at most ${Math.ceil((waiting.atMostMs - waiting.waitedMs) / 1000)} s more` : '';
  const text = `waiting for ${waiting.what}: ${waiting.seen}${left}`;
  const events: Change['events'] = [{ kind: 'waiting', nodeId: waiting.nodeId, text, waiting }];
  return { record: { ...record, waiting }, events, quarantine: null };
}

/** A record that another leader left: from here on it is `leader`'s (P5). */
export function noteLeader(record: UpdateRecord, leader: string, epoch: number): Change {
  const text = `${leader} leads now (epoch ${epoch}) and goes on from the record`;
  const next = { ...record, leader, epoch, leaderMoves: record.leaderMoves + 1, waiting: null };
  return { record: next, events: [{ kind: 'leader', nodeId: leader, text }], quarantine: null };
}

/** Another Raft leader than the one seen last counts as a change; the first one seen does not. */
export function noteRaftLeader(record: UpdateRecord, raftLeader: string): Change {
  const first = record.raftLeader === null;
  const next = { ...record, raftLeader, raftLeaderChanges: record.raftLeaderChanges + (first ? 0 : 1) };
  const text = `the Raft leader is on ${raftLeader} now`;
  return { record: next, events: first ? [] : [{ kind: 'leader', nodeId: raftLeader, text }], quarantine: null };
}
