/** The node's own last question before it stops: is there room for it to be away? (P1) */

import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Raft, RaftPeer } from '../ports/raft.ts';
import type { Store } from '../ports/store.ts';
import { quorumOf } from './raft.ts';
import { parseRecord } from './record-schema.ts';

/** The node may not have heard of the present leader yet; the store has (P6). */
async function refuseFormerLeader(store: Store, nodeId: string, epoch: number): Promise<void> {
  const present = Number((await store.get(keys.epoch))?.value ?? 0);
  if (!(present > epoch)) return;
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
 */
async function refuseWithoutRecord(store: Store, nodeId: string, isVoter: boolean, updateId: string): Promise<void> {
  const unsafe = (words: string, detail: { seen: string; wanted: string; next: string }): ClusterError =>
    new ClusterError('quorum-unsafe', words, { nodeId, ...detail });
  const text = (await store.get(keys.update))?.value;
  const wanted = `no reservation, or that of ${nodeId}`;
  if (text === undefined) {
    if (updateId === '' || (await store.get(keys.updateRecord(updateId))) === null) return;
    const seen = 'the update has ended';
    throw unsafe(`update ${updateId} has ended`, { seen, wanted, next: 'start a new update' });
  }
  const { reservation, id } = parseRecord(text);
  const next = `wait for it: \`claudecluster updates watch ${id}\``;
  if (updateId !== '' && updateId !== id) {
    const seen = `update ${id} is running`;
    throw unsafe(`this is no command of update ${id}`, { seen, wanted: `update ${updateId}, or none`, next });
  }
  if (!isVoter || reservation === nodeId) return;
  if (reservation !== null) {
    const seen = `the reservation is ${reservation}'s`;
    throw unsafe(`update ${id} has taken ${reservation} out of service`, { seen, wanted, next });
  }
  if (updateId !== '')
    throw unsafe(`update ${id} does not hold ${nodeId}`, { seen: 'nobody is reserved', wanted, next });
}

/** A stop relies on reads of the store that took no longer than this together, ms; slower ones are made again. */
const freshMs = 500;
const mostRounds = 3;

export interface QuorumQuestion {
  /** Who asks: a command of a former leader, or of an update that is over, is refused. Default: nobody's command. */
  updateId?: string;
  epoch?: number;
  /** Leaves the count out, and not the epoch nor the reservation. */
  acceptDowntime?: boolean;
}

/**
 * May `nodeId` stop? (P1) Asks every member itself, then reads the store linearizably, which takes a working quorum: in
 * this order, for a member without power costs a look its whole time limit, and the reads must be of now.
 * A node that is no voter may always. Throws ClusterError 'quorum-unsafe', 'stale-epoch' or 'unavailable'.
 */
export async function quorumCheck(
  deps: { store: Store; raft: Pick<Raft, 'getPeers' | 'moveRaftLeader'>; clock: Pick<Clock, 'nowMs'> },
  nodeId: string,
  asked: QuorumQuestion = {},
): Promise<void> {
  const { store, raft, clock } = deps;
  const { updateId = '', epoch = Number.MAX_SAFE_INTEGER, acceptDowntime = false } = asked;
  for (let round = 1; ; round += 1) {
    const voters = (await raft.getPeers()).filter((peer) => peer.kind === 'voter');
    const isVoter = voters.some((peer) => peer.nodeId === nodeId);
    const beganMs = clock.nowMs();
    await Promise.all([
      refuseFormerLeader(store, nodeId, epoch),
      refuseWithoutRecord(store, nodeId, isVoter, updateId),
    ]);
    const tookMs = clock.nowMs() - beganMs;
    if (isVoter && !acceptDowntime) refuseWithoutQuorum(voters, nodeId);
    const heir = isVoter && !acceptDowntime ? heirOf(voters, nodeId) : null;
    if (heir === null && tookMs <= freshMs) return;
    if (round === mostRounds) throw heir === null ? tooSlow(nodeId, tookMs) : stillLeads(nodeId);
    if (heir !== null) await raft.moveRaftLeader(heir);
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

function refuseWithoutQuorum(voters: RaftPeer[], nodeId: string): void {
  const others = voters.filter((peer) => peer.nodeId !== nodeId);
  const healthy = others.filter((peer) => peer.healthy);
  const wanted = quorumOf(voters.length);
  if (healthy.length >= wanted) return;
  const ill = others.filter((peer) => !peer.healthy).map((peer) => `${peer.nodeId}: ${peer.reason}`);
  throw new ClusterError('quorum-unsafe', `stopping ${nodeId} would leave no quorum`, {
    nodeId,
    seen: `${healthy.length} of ${others.length} other voters healthy${ill.length > 0 ? ` (${ill.join('; ')})` : ''}`,
    wanted: `${wanted}`,
    next:
      ill.length > 0 ? 'bring these voters back first' : 'add voters; a group of fewer than three has none to spare',
  });
}
