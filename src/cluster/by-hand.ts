/**
 * The place of one voter that an operator activates by hand (P1, ADR 14): the cluster can spare one, and two hands on two
 * hosts do not see each other. A record and no lease, for a node that stops revokes its own lease, and is down all the same.
 * Written and removed with compare-and-swap; an update's own reservation is in its record.
 */
import { keys } from '../base/store-keys.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyValue, Store } from '../ports/store.ts';

export interface ByHand {
  v: 1;
  /** The voter that is down, or may be. */
  nodeId: string;
  /** The name that the operator gave the trial (`--update`). */
  updateId: string;
  /** ISO time, for people. */
  at: string;
}

/** What the store says of it. A value that cannot be understood holds the place, too: for whom is not known. */
export function parseByHand(text: string): ByHand {
  try {
    const { nodeId, updateId, at } = JSON.parse(text) as Partial<Record<keyof ByHand, unknown>>;
    if (typeof nodeId === 'string' && nodeId !== '') {
      return { v: 1, nodeId, updateId: wordOf(updateId), at: wordOf(at) };
    }
  } catch {
    // Said below.
  }
  return { v: 1, nodeId: '?', updateId: '?', at: '?' };
}

const wordOf = (value: unknown): string => (typeof value === 'string' ? value : '?');

export async function readByHand(store: Pick<Store, 'get'>): Promise<ByHand | null> {
  const kv = await store.get(keys.byHand);
  return kv === null ? null : parseByHand(kv.value);
}

/**
 * Holds the place for `nodeId`, as long as no update runs and nobody else has it. True: it is held now and was not before.
 * Throws ClusterError 'quorum-unsafe' with who has it, 'conflict' when an update has begun, or 'unavailable'.
 */
export async function reserveByHand(
  deps: { store: Store; clock: Pick<Clock, 'wallIso'> },
  nodeId: string,
  updateId: string,
): Promise<boolean> {
  const { store, clock } = deps;
  const before = await store.get(keys.byHand);
  const mine = holdsIt(before, nodeId);
  if (mine !== null && mine.updateId === updateId) return false;
  const value = JSON.stringify({ v: 1, nodeId, updateId, at: clock.wallIso() } satisfies ByHand);
  const compares = [
    { key: keys.update, modRevision: 0 },
    { key: keys.byHand, modRevision: before?.modRevision ?? 0 },
  ];
  if ((before === null || mine !== null) && (await store.txn(compares, [{ put: keys.byHand, value }]))) return true;
  const now = await readByHand(store);
  if (now !== null && now.nodeId !== nodeId) throw heldByHand(now, nodeId);
  // Our own write whose answer was lost, or an update that has begun: whoever asks again sees which.
  throw new ClusterError('unavailable', 'the place by hand changed while it was taken', { nodeId, next: 'ask again' });
}

function holdsIt(kv: KeyValue | null, nodeId: string): ByHand | null {
  const found = kv === null ? null : parseByHand(kv.value);
  return found?.nodeId === nodeId ? found : null;
}

/** Gives the place of `nodeId` back. False: it holds none. Throws ClusterError 'unavailable'. */
export async function releaseByHand(store: Pick<Store, 'get' | 'txn'>, nodeId: string): Promise<boolean> {
  const kv = await store.get(keys.byHand);
  if (kv === null || parseByHand(kv.value).nodeId !== nodeId) return false;
  return store.txn([{ key: keys.byHand, modRevision: kv.modRevision }], [{ remove: keys.byHand }]);
}

/**
 * An operator's word that this voter is gone for good, or does not stop after all. It costs no promise: a voter that is down
 * counts as not healthy at everybody's last question. False: nobody holds the place. Throws ClusterError 'refused' when another
 * one does, or 'unavailable'.
 */
export async function takeBackByHand(store: Pick<Store, 'get' | 'txn'>, nodeId: string): Promise<boolean> {
  if (await releaseByHand(store, nodeId)) return true;
  const held = await readByHand(store);
  if (held === null) return false;
  throw new ClusterError('refused', `the place is not ${nodeId}'s`, {
    seen: describeByHand(held),
    wanted: `${nodeId} to hold it`,
    next: wayOutOf(held),
  });
}

/** Who has it, and the way out: its trial's end, or an operator's word where the node never comes back. */
export function heldByHand(held: ByHand, nodeId?: string): ClusterError {
  return new ClusterError('quorum-unsafe', `${held.nodeId} is out of service by hand`, {
    ...(nodeId === undefined ? {} : { nodeId }),
    seen: describeByHand(held),
    wanted: 'no voter out of service by hand',
    next: wayOutOf(held),
  });
}

/** "n2 holds it for by-hand-1 since 2026-11-24T16:00:00.000Z" */
export function describeByHand({ nodeId, updateId, at }: ByHand): string {
  return `${nodeId} holds it for ${updateId} since ${at}`;
}

export function wayOutOf({ nodeId }: ByHand): string {
  return (
    `end its trial on ${nodeId}: \`claudecluster node commit\` or \`rollback\`; ` +
    `if ${nodeId} is gone for good, on any voter: \`claudecluster node release-hold ${nodeId}\``
  );
}
