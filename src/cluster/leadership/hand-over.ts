/** The leadership goes to another node, in one transaction with the epoch that follows ours. */
import { parseAs } from '../../base/parse-as.ts';
import { keys } from '../../base/store-keys.ts';
import { asClusterError } from '../../errors.ts';
import { nodeRecordSchema } from '../../members/records.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Op, Store } from '../../ports/store.ts';
import { change, leaderValue, readLeader, take } from './leader-keys.ts';
import type { Standing, Term } from './standing.ts';

export interface HandOverDeps {
  store: Store;
  logger: Logger;
  nodeId: string;
  standing: Standing;
  /** Who leads is read again now. */
  readAgain(): void;
}

/** False: nothing changed. */
export async function handOver(deps: HandOverDeps, toNodeId: string): Promise<boolean> {
  const { store, logger, nodeId, standing } = deps;
  const held = standing.term();
  if (!held || !standing.isLeader() || toNodeId === nodeId) return false;
  const target = await store.get(keys.node(toNodeId));
  const record = target && parseAs(target.value, nodeRecordSchema);
  if (!record || 'problem' in record || record.value.status !== 'active') return false;
  // The record is on the target's lease; what it says of the lease must be what the store says.
  if (record.value.leaseId !== target.leaseId) return false;
  const seen = await readLeader(store);
  if (seen.leaderKv?.modRevision !== held.modRevision) {
    standing.note(seen);
    return false;
  }
  // From here on we no longer act: an answer that is lost must not leave two who think that they lead (P6).
  standing.drop();
  const epoch = held.epoch + 1;
  try {
    const done = await store.txn(change(seen), take(toNodeId, epoch, record.value.leaseId));
    standing.note(await readLeader(store));
    return done;
  } catch (thrown) {
    const error = asClusterError(thrown);
    logger.warn({ nodeId, toNodeId, error: error.message, ...error.detail }, 'handover not answered');
    return settle(deps, held, toNodeId, epoch);
  }
}

/** A transaction without an answer may still come: ours is put again, which makes it fail for good, or shows that it came. */
async function settle(deps: HandOverDeps, held: Term, toNodeId: string, epoch: number): Promise<boolean> {
  const { store, nodeId, standing } = deps;
  const mine: Op[] = [{ put: keys.leader, value: leaderValue(nodeId, held.epoch), leaseId: held.lease.id }];
  await store.txn([{ key: keys.leader, modRevision: held.modRevision }], mine).catch(() => undefined);
  try {
    const seen = await readLeader(store);
    standing.note(seen);
    return seen.leader?.node === toNodeId && seen.leader.epoch === epoch;
  } catch {
    deps.readAgain(); // As soon as it can be read.
    return false;
  }
}
