/**
 * What nodes write about themselves. Loose on purpose: old and new builds read each other's records during an update, so
 * an unknown field is kept, a missing one has a default, and a word that this build does not know hides no node (P11).
 */
import { z } from 'zod';
import type { NodeRole } from '../ports/membership.ts';

const releaseRef = z.looseObject({ buildHash: z.string(), version: z.string(), gitCommit: z.string() });
const protocol = z.looseObject({ min: z.int(), max: z.int() });
/** A role that this build does not know counts as the one that is handled with more care: one at a time, with a reservation. */
const role = z.string().transform((said): NodeRole => (said === 'worker' ? 'worker' : 'voter'));
/** A word of a newer build stays as it is: whatever it says, it is not `active`, and preflight names it. */
const status = z
  .string()
  .min(1)
  .transform((said) => said as 'active' | 'draining');

/** /claudecluster/nodes/<id>: lives as long as the node does. */
export const nodeRecordSchema = z.looseObject({
  nodeId: z.string().min(1),
  address: z.string(),
  role,
  status,
  incarnation: z.string().min(1),
  /** Grows with every heartbeat of this incarnation. */
  seq: z.int().nonnegative(),
  release: releaseRef.nullable(),
  /** buildHash on trial. */
  trial: z.string().nullable().default(null),
  /** A release on its disk is not whole; what, its own answer says. Older builds say nothing of it. */
  damaged: z.boolean().optional(),
  protocol,
  /** Hex; leadership can be handed over onto it. */
  leaseId: z.string(),
  heartbeatMs: z.int().positive(),
  leaseMs: z.int().positive().default(5_000),
  /** Of its Raft member, hex; null: it runs none, or does not know yet. */
  memberId: z.string().nullable().default(null),
});
export type NodeRecord = z.infer<typeof nodeRecordSchema>;

/** /claudecluster/members/<id>: stays. */
export const memberRecordSchema = z.looseObject({
  nodeId: z.string().min(1),
  address: z.string(),
  role,
  approved: z.boolean(),
  protocol,
  /** What it ran when it last started. */
  release: releaseRef.nullable().default(null),
});
export type MemberRecord = z.infer<typeof memberRecordSchema>;

/** /claudecluster/leader. */
export const leaderRecordSchema = z.looseObject({ node: z.string().min(1), epoch: z.int().positive() });
export type LeaderRecord = z.infer<typeof leaderRecordSchema>;
