/**
 * Transactions whose answer may be lost. While a Raft leader moves, it drops what followers forwarded to it, and the
 * follower says nothing for seven seconds (etcd 3.4; seen in four of six moves under steady writes).
 */
import type { ICompare, IRequestOp, ITxnRequest } from 'etcd3';
import type { Clock } from '../../ports/clock.ts';
import type { Compare, Op } from '../../ports/store.ts';
import { type Asker, isUnanswered, storeError } from './ask.ts';
import { callDeadline, type Endpoint } from './connect.ts';
import { leaseToDecimal } from './lease.ts';

export interface TxnOptions {
  asker: Asker;
  clock: Clock;
  requestTimeoutMs: number;
  /** After this long without an answer a copy is sent to the next endpoint, ms. */
  hedgeMs: number;
  /** The key's present value, linearizable. */
  read(key: string): Promise<string | null>;
}

/** True: applied, once. False: a compare did not hold and nothing was changed. Throws as `Asker.ask` does. */
export function runTxn(options: TxnOptions, compares: Compare[], then: Op[]): Promise<boolean> {
  const request = { compare: compares.map(toCompare), success: then.map(toRequest), failure: [] };
  if (guardsItself(compares, then)) return sendCopies(options, request, compares, then);
  return options.asker.ask('write', (endpoint, timeoutMs) => send(endpoint, request, timeoutMs));
}

/** Every compared key is put, so of several copies at most one is applied: it breaks the compare of the others. */
function guardsItself(compares: Compare[], then: Op[]): boolean {
  return compares.length > 0 && compares.every(({ key }) => then.some((op) => 'put' in op && op.put === key));
}

async function send(endpoint: Endpoint, request: ITxnRequest, timeoutMs: number): Promise<boolean> {
  const answer = await endpoint.client.kv.txn(request, callDeadline(timeoutMs));
  return answer.succeeded;
}

/** What the copies have brought so far. */
interface Race {
  applied: boolean;
  refused: boolean;
  error: unknown;
}

async function sendCopies(
  options: TxnOptions,
  request: ITxnRequest,
  compares: Compare[],
  then: Op[],
): Promise<boolean> {
  const { asker, clock, requestTimeoutMs, hedgeMs } = options;
  const endsAtMs = clock.nowMs() + requestTimeoutMs;
  const race: Race = { applied: false, refused: false, error: undefined };
  const order = asker.inOrder();
  for (let copies = 1; ; copies += 1) {
    const endpoint = order[(copies - 1) % order.length];
    const leftMs = endsAtMs - clock.nowMs();
    if (!endpoint || leftMs <= 0) throw storeError(race.error, order);
    const news = new AbortController();
    void send(endpoint, request, leftMs)
      .then((applied) => {
        race.applied ||= applied;
        race.refused ||= !applied;
      })
      .catch((error: unknown) => {
        race.error = error;
        if (isUnanswered(error)) asker.suspect(endpoint);
      })
      .finally(() => news.abort());
    await clock.sleep(Math.min(hedgeMs, leftMs), news.signal);
    if (race.applied) return true;
    // One copy only: its refusal is the answer. Of several, one may have been refused because another was applied.
    if (race.refused) return copies > 1 && (await isOurs(options, compares, then));
    if (race.error !== undefined && !isUnanswered(race.error)) throw storeError(race.error, order);
    // A refused connection answers at once: no reason to hurry through the endpoints again and again.
    if (news.signal.aborted && copies % order.length === 0) await clock.sleep(Math.min(50, hedgeMs));
  }
}

async function isOurs(options: TxnOptions, compares: Compare[], then: Op[]): Promise<boolean> {
  for (const { key } of compares) {
    const op = then.find((one) => 'put' in one && one.put === key);
    if (!op || !('put' in op) || (await options.read(key)) !== op.value) return false;
  }
  return true;
}

/** etcd counts a key that does not exist as changed in revision 0, which is what our compare says too. */
function toCompare(compare: Compare): ICompare {
  return {
    target: 'Mod',
    result: 'Equal',
    key: Buffer.from(compare.key),
    mod_revision: String(compare.modRevision),
  };
}

function toRequest(op: Op): IRequestOp {
  if ('remove' in op) return { request_delete_range: { key: Buffer.from(op.remove) } };
  const lease = leaseToDecimal(op.leaseId ?? '');
  return { request_put: { key: Buffer.from(op.put), value: Buffer.from(op.value), lease } };
}
