/** What a write needs to hold only while its leader leads. */
import { keys } from '../../base/store-keys.ts';
import { ClusterError } from '../../errors.ts';
import type { Compare, Store } from '../../ports/store.ts';

/** The compare that holds only while nobody led after `epoch` (P6). */
export async function fenceOf(store: Store, epoch: number, selfNodeId: string): Promise<Compare> {
  const kv = await store.get(keys.epoch);
  const seen = kv === null ? 0 : Number(kv.value);
  if (kv === null || seen !== epoch) {
    throw new ClusterError('stale-epoch', `${selfNodeId} acts for epoch ${epoch}, the cluster is at ${seen}`, {
      nodeId: selfNodeId,
      seen: `epoch ${epoch}`,
      wanted: `epoch ${seen}`,
      next: 'nothing: the present leader goes on',
    });
  }
  return { key: keys.epoch, modRevision: kv.modRevision };
}
