/** The node's own last question before it stops: is there room for it to be away? (P1) */

import { keys } from '../base/store-keys.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Raft, RaftPeer } from '../ports/raft.ts';
import type { Store } from '../ports/store.ts';
import { heldByHand, readByHand, releaseByHand, reserveByHand } from './by-hand.ts';
import { parseUpdateRecord } from './journal/record-schema.ts';
import { presentEpoch } from './present-epoch.ts';
import { quorumOf } from './update/quorum.ts';

/** The node may not have heard of the present leader yet; the store has (P6). */
async function refuseFormerLeader(store: Store, nodeId: string, epoch: number): Promise<void> {
  const present = await presentEpoch(store);
  if (present <= epoch) return;
  throw new ClusterError('stale-epoch', `this command is of epoch ${epoch}, the cluster is at ${present}`, {
    nodeId,
    seen: `epoch ${epoch}`,
    wanted: `epoch ${present}`,
    next: 'stop: another node leads now',
  });
}

/**
 * A command of an update that has ended, or of another one than runs now, was left behind on its way. For a voter the
 * running one must hold it: the record names the voter that is down, or may be, by our doing, and there is room for one (P1).
 * Who is out of service by hand takes that room as well. True: no update runs, and a voter stops at an operator's word.
 */
async function refuseWithoutRecord(store: Store, nodeId: string, isVoter: boolean, updateId: string): Promise<boolean> {
  const unsafe = (words: string, detail: { seen: string; wanted: string; next: string }): ClusterError =>
    new ClusterError('quorum-unsafe', words, { nodeId, ...detail });
  const [kv, held] = await Promise.all([store.get(keys.update), readByHand(store)]);
  const text = kv?.value;
  if (isVoter && held !== null && held.nodeId !== nodeId) throw heldByHand(held, nodeId);
  const wanted = `no reservation, or that of ${nodeId}`;
  if (text === undefined) {
    if (updateId === '') return false;
    if ((await store.get(keys.updateRecord(updateId))) === null) return isVoter;
    const seen = 'the update has ended';
    throw unsafe(`update ${updateId} has ended`, { seen, wanted, next: 'start a new update' });
  }
  const { reservation, id } = parseUpdateRecord(text);
  const next = `wait for it: \`claudecluster updates watch ${id}\``;
  if (updateId !== '' && updateId !== id) {
    const seen = `update ${id} is running`;
    throw unsafe(`this is no command of update ${id}`, { seen, wanted: `update ${updateId}, or none`, next });
  }
  if (!isVoter || reservation === nodeId) return false;
  if (reservation !== null) {
    const seen = `the reservation is ${reservation}'s`;
    throw unsafe(`update ${id} has taken ${reservation} out of service`, { seen, wanted, next });
  }
  if (updateId !== '')
    throw unsafe(`update ${id} does not hold ${nodeId}`, { seen: 'nobody is reserved', wanted, next });
  return false;
}

/** A stop relies on reads of the store that took no longer than this together, ms; slower ones are made again. */
const freshMs = 500;
/** So often the Raft leader is moved away from this node before it is given up. */
const mostMoves = 2;
/** How long one question is asked again while nobody answers, ms. Who commanded the stop may then ask anew. */
const defaultWithinMs = 10_000;
/** Between two times of asking, ms. */
const pauseMs = 200;

export interface QuorumQuestion {
  /** Who asks: a command of a former leader, or of an update that is over, is refused. Default: nobody's command. */
  updateId?: string;
  epoch?: number;
  /** Leaves the count out in a group of one or two voters, which has none to keep; never the epoch nor the reservation. */
  acceptDowntime?: boolean;
  /** Asked again for so long while nobody answers, ms. Default 10,000. */
  withinMs?: number;
}

export interface QuorumDeps {
  store: Store;
  raft: Pick<Raft, 'getPeers' | 'moveRaftLeader'>;
  clock: Pick<Clock, 'nowMs' | 'wallIso' | 'sleep'>;
}

/**
 * May `nodeId` stop? (P1) Asks every member itself, then reads the store linearizably, which takes a working quorum: in
 * this order, for a member without power costs a look its whole time limit, and the reads must be of now.
 * An answer ends it, one way or the other. Silence is no answer, and no leave to stop either: it is asked again, over the
 * same connections, and whoever is silent to the end counts as not healthy. A node that is no voter may always.
 * Where no update runs, a voter's place is held by hand from here on (by-hand.ts).
 * Throws ClusterError 'quorum-unsafe' or 'stale-epoch' (an answer: no), 'unavailable' (nobody answered in time).
 */
export async function quorumCheck(deps: QuorumDeps, nodeId: string, asked: QuorumQuestion = {}): Promise<void> {
  const { clock } = deps;
  const endsAtMs = clock.nowMs() + (asked.withinMs ?? defaultWithinMs);
  const hold = { byHand: false };
  try {
    for (let moves = 0; ; ) {
      const open = await askOnce(deps, nodeId, asked, hold);
      if (open === null) return;
      if ('heir' in open) {
        if (moves === mostMoves) throw stillLeads(nodeId);
        moves += 1;
        await deps.raft.moveRaftLeader(open.heir);
        continue; // What the members said is of before the move.
      }
      if (clock.nowMs() >= endsAtMs) throw open.unanswered;
      await clock.sleep(pauseMs);
    }
  } catch (refused) {
    // It does not stop, so its place is free again. If that is not heard either, the node itself gives it back later.
    if (hold.byHand) await releaseByHand(deps.store, nodeId).catch(() => false);
    throw refused;
  }
}

/** null: it may stop. Otherwise who is to lead the Raft group first, or what was not answered. Throws what is a clear no. */
async function askOnce(
  { store, raft, clock }: QuorumDeps,
  nodeId: string,
  { updateId = '', epoch = Number.MAX_SAFE_INTEGER, acceptDowntime = false }: QuorumQuestion,
  hold: { byHand: boolean },
): Promise<{ heir: string } | { unanswered: ClusterError } | null> {
  try {
    const voters = (await raft.getPeers()).filter((peer) => peer.kind === 'voter');
    const isVoter = voters.some((peer) => peer.nodeId === nodeId);
    const beganMs = clock.nowMs();
    const [, byHand] = await Promise.all([
      refuseFormerLeader(store, nodeId, epoch),
      refuseWithoutRecord(store, nodeId, isVoter, updateId),
    ]);
    if (byHand) {
      hold.byHand = true;
      await reserveByHand({ store, clock }, nodeId, updateId);
    }
    const tookMs = clock.nowMs() - beganMs;
    // In a larger group the planner's gate counts whatever was accepted, and so does the node itself (P1).
    const uncounted = acceptDowntime && voters.length < 3;
    if (isVoter && !uncounted) {
      const silent = refuseWithoutQuorum(voters, nodeId);
      if (silent !== null) return { unanswered: silent };
      const heir = heirOf(voters, nodeId);
      if (heir !== null) return { heir };
    }
    return tookMs <= freshMs ? null : { unanswered: tooSlow(nodeId, tookMs) };
  } catch (thrown) {
    const error = asClusterError(thrown);
    if (error.code !== 'unavailable') throw error;
    return { unanswered: error };
  }
}

/**
 * Who is to lead the group before this node stops, where it is this node itself: all that its followers show is that they
 * reach it, and not each other. null: another one leads.
 */
function heirOf(voters: RaftPeer[], nodeId: string): string | null {
  if (voters.find((peer) => peer.nodeId === nodeId)?.isRaftLeader !== true) return null;
  const able = voters.filter((peer) => peer.nodeId !== nodeId && peer.healthy);
  const index = (peer: RaftPeer): number => peer.appliedIndex ?? 0;
  return able.sort((one, two) => index(two) - index(one))[0]?.nodeId ?? null;
}

function stillLeads(nodeId: string): ClusterError {
  return new ClusterError('unavailable', `${nodeId} still leads the Raft group`, {
    nodeId,
    seen: 'the Raft leader came back each time it was moved',
    wanted: 'another voter to lead before this one stops',
    next: 'see etcd.log on the voters: some may not reach each other',
  });
}

function tooSlow(nodeId: string, tookMs: number): ClusterError {
  return new ClusterError('unavailable', 'the store answers too slowly to stop a voter on its word', {
    nodeId,
    seen: `two reads took ${Math.round(tookMs)} ms`,
    wanted: `at most ${freshMs} ms`,
    next: 'see the load and the disks of the voters',
  });
}

/** Throws when the others' answers are a no. Returns what to say when some have not answered; null: they are a quorum. */
function refuseWithoutQuorum(voters: RaftPeer[], nodeId: string): ClusterError | null {
  const others = voters.filter((peer) => peer.nodeId !== nodeId);
  const healthy = others.filter((peer) => peer.healthy);
  const wanted = quorumOf(voters.length);
  if (healthy.length >= wanted) return null;
  const silent = others.filter((peer) => !peer.healthy && peer.appliedIndex === null);
  const ill = others.filter((peer) => !peer.healthy).map((peer) => `${peer.nodeId}: ${peer.reason}`);
  const detail = {
    nodeId,
    seen: `${healthy.length} of ${others.length} other voters healthy${ill.length > 0 ? ` (${ill.join('; ')})` : ''}`,
    wanted: `${wanted}`,
  };
  if (healthy.length + silent.length >= wanted) {
    const names = silent.map((peer) => peer.nodeId).join(', ');
    return new ClusterError('unavailable', `no answer from ${names}: ${nodeId} does not stop without it`, {
      ...detail,
      next: 'ask again; see whether these voters run, and how busy their hosts are',
    });
  }
  throw new ClusterError('quorum-unsafe', `stopping ${nodeId} would leave no quorum`, {
    ...detail,
    next:
      ill.length > 0 ? 'bring these voters back first' : 'add voters; a group of fewer than three has none to spare',
  });
}
