/** Who belongs to the cluster: a node writes its own name, an operator lets in whom the cluster does not know. */
import { parseAs } from '../base/parse-as.ts';
import { keys } from '../base/store-keys.ts';
import type { Store } from '../ports/store.ts';
import { type MemberRecord, memberRecordSchema } from './records.ts';

/**
 * Writes that the node belongs to the cluster. A node that the cluster does not know yet is approved only when it was
 * named at the cluster's founding (`approved`); what an operator decided later stays. Throws ClusterError.
 */
export async function registerMember(store: Store, member: MemberRecord): Promise<MemberRecord> {
  const key = keys.member(member.nodeId);
  for (;;) {
    const kv = await store.get(key);
    const parsed = kv && parseAs(kv.value, memberRecordSchema);
    const known = parsed && 'value' in parsed ? parsed.value : null;
    const record = { ...known, ...member, approved: (known?.approved ?? false) || member.approved };
    const value = JSON.stringify(record);
    if (kv?.value === value) return record;
    if (await store.txn([{ key, modRevision: kv?.modRevision ?? 0 }], [{ put: key, value }])) return record;
  }
}

/** An operator lets a node in. False: no such node. Throws ClusterError. */
export async function approveMember(store: Store, nodeId: string): Promise<boolean> {
  const key = keys.member(nodeId);
  for (;;) {
    const kv = await store.get(key);
    if (!kv) return false;
    const parsed = parseAs(kv.value, memberRecordSchema);
    if ('problem' in parsed) return false;
    if (parsed.value.approved) return true;
    // As the node wrote it, with all that only its own build understands (P11).
    const value = JSON.stringify({ ...(JSON.parse(kv.value) as MemberRecord), approved: true });
    if (await store.txn([{ key, modRevision: kv.modRevision }], [{ put: key, value }])) return true;
  }
}
