/** Where a node's heartbeat is judged: is it there, or is its last one too long ago? */
import type { NodeInfo } from '../ports/membership.ts';
import type { MemberRecord, NodeRecord } from './records.ts';

/** When this observer last saw the node's heartbeat change, by its own clock: no other host's clock is asked. */
export interface Sighting {
  incarnation: string;
  seq: number;
  atMs: number;
}

/** One node as an observer sees it at `nowMs`. Pure. */
export function joinNode(
  nodeId: string,
  member: MemberRecord | undefined,
  record: NodeRecord | undefined,
  sighting: Sighting | undefined,
  nowMs: number,
): NodeInfo {
  const lastSeenMsAgo = sighting ? nowMs - sighting.atMs : null;
  // The lease may live on while heartbeats are not written (a full store, a hung daemon): that is not being there.
  const staleMs = record ? Math.max(record.leaseMs, 3 * record.heartbeatMs) : 0;
  const live = record && lastSeenMsAgo !== null && lastSeenMsAgo <= staleMs ? record : null;
  const known = record ?? member;
  const common = {
    nodeId,
    address: known?.address ?? '',
    role: known?.role ?? 'voter',
    lastSeen: sighting?.atMs ?? null,
    lastSeenMsAgo,
    protocol: known?.protocol ?? { min: 0, max: 0 },
  } as const;
  const approved = member?.approved ?? false;
  if (!live) {
    const status = approved ? 'offline' : 'pending_approval';
    return { ...common, status, incarnation: '', heartbeatSeq: 0, release: member?.release ?? null, trial: null };
  }
  return {
    ...common,
    status: approved ? live.status : 'pending_approval',
    incarnation: live.incarnation,
    heartbeatSeq: live.seq,
    release: live.release,
    trial: live.trial,
    ...(live.damaged === true ? { damaged: true } : {}),
  };
}

export function damagedMember(nodeId: string, record: NodeRecord | undefined): MemberRecord {
  const { address = '', role = 'voter', protocol = { min: 0, max: 0 } } = record ?? {};
  return { nodeId, address, role, approved: true, protocol, release: null };
}
