/** The epoch that the cluster is at: what every command's epoch is measured by (P6). */
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Store } from '../ports/store.ts';

/**
 * Read linearizably: what a leader wrote before it gave a command is in the answer. 0: nobody led yet.
 * Throws ClusterError 'unavailable', or 'operator-needed' when the store holds something else there.
 */
export async function presentEpoch(store: Pick<Store, 'get'>): Promise<number> {
  const text = (await store.get(keys.epoch))?.value ?? '0';
  const epoch = Number(text);
  if (text !== '' && Number.isSafeInteger(epoch) && epoch >= 0) return epoch;
  throw new ClusterError('operator-needed', "the cluster's epoch cannot be read", {
    seen: `${keys.epoch}: ${JSON.stringify(text.slice(0, 60))}`,
    wanted: 'a whole number',
    next: `see who wrote it; its leader's own is in ${keys.leader}`,
  });
}
