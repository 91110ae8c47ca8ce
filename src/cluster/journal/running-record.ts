/** The record of the update that runs, as read. */
import { keys } from '../../base/store-keys.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import type { KeyValue, Store } from '../../ports/store.ts';
import type { UpdateRecord } from '../update/record.ts';
import { parseUpdateRecord } from './record-schema.ts';

/** The record of the running update, and its key as read. */
export interface Current {
  record: UpdateRecord;
  kv: KeyValue;
}

/** null: no update runs. Throws 'operator-needed' for a record that this build cannot read (P11). */
export async function readRunning(deps: { store: Pick<Store, 'get'>; selfNodeId: string }): Promise<Current | null> {
  const kv = await deps.store.get(keys.update);
  return kv === null ? null : { record: parseRunning(kv.value, deps.selfNodeId), kv };
}

/** It is not for this build to end or to change what it cannot read: that is said, and left to people. */
function parseRunning(text: string, selfNodeId: string): UpdateRecord {
  try {
    return parseUpdateRecord(text);
  } catch (thrown) {
    const { message, detail } = asClusterError(thrown);
    throw new ClusterError(
      'operator-needed',
      `an update runs whose record the build on ${selfNodeId} cannot read`,
      {
        nodeId: selfNodeId,
        seen: detail.seen ?? message,
        wanted: 'a record that this build knows',
        next: `have a node lead that runs the build which wrote it: restart the daemon of the leader, see \`claudecluster status\`. A node on trial goes back by itself meanwhile. What no build can read: docs/operating.md, "A record that cannot be read"`,
      },
      thrown,
    );
  }
}

export function unlessUnreadable(thrown: unknown): ClusterError {
  const error = asClusterError(thrown);
  if (error.code !== 'operator-needed') throw error;
  return error;
}
