/** Who reaches whom, one way at a time, and what happens to a call on its way there and back. */
import { ClusterError } from '../../src/errors.ts';
import type { Random } from './random.ts';
import { heardBy, nobody, type Proc, type Scheduler } from './scheduler.ts';

/** How much later than others a command comes, ms, and how long after that once more. */
interface Late {
  byMs: number;
  againMs: number | null;
}

export interface Network {
  /** 'n1>n2': what n1 sends does not reach n2. */
  blocked: Set<string>;
  /** Chances of each message, and the longest delay of one that is delayed, ms. */
  loss: number;
  doubling: number;
  delay: number;
  delayMs: number;
  /** Asked about each command on its way (a drain or a verb) until it has something to say of one; that is the last one. */
  onCommand: ((command: string, to: string) => Late | null) | null;
  reach(from: string, to: string): boolean;
  both(one: string, two: string): boolean;
  latencyMs(): number;
  lost(): boolean;
  /** Does this hint of a watch arrive? They need not. */
  hint(): boolean;
  /**
   * Carries a call: `arrive` runs at the other end and calls `answer` once, or never. What is lost becomes
   * 'unavailable' at the caller after `timeoutMs`.
   */
  call<T>(
    from: Proc,
    to: string,
    timeoutMs: number,
    arrive: (answer: (value: () => T) => void, refuse: () => void, hang: () => void) => void,
    command: string,
  ): Promise<T>;
}

/** Until a connection on which nothing comes back is given up, as src/grpc/channel.ts has it, ms. */
const keepaliveMs = 8_000;

export function unavailable(what: string): ClusterError {
  return new ClusterError('unavailable', what);
}

export function createNetwork(sched: Scheduler, random: Random): Network {
  const net: Network = {
    blocked: new Set(),
    loss: 0,
    doubling: 0,
    delay: 0,
    delayMs: 0,
    onCommand: null,
    reach: (from, to) => from === to || net.blocked.size === 0 || !net.blocked.has(`${from}>${to}`),
    both: (one, two) => net.reach(one, two) && net.reach(two, one),
    latencyMs: () => (net.delay > 0 && random.chance(net.delay) ? random.int(1, net.delayMs) : random.int(1, 4)),
    hint: () => random.chance(0.5),
    lost: () => net.loss > 0 && random.chance(net.loss),
    call: (from, to, timeoutMs, arrive, command) =>
      new Promise((resolve, reject) => {
        const sentMs = sched.now();
        let settled = false;
        let timed = false;
        const settle = (act: () => void): void => {
          if (settled) return;
          settled = true;
          act();
        };
        const fail = (what: string): void => reject(heardBy(from, unavailable(what)));
        const timeout = (): void => {
          if (timed || settled) return;
          timed = true;
          const leftMs = Math.min(Math.max(1, sentMs + timeoutMs - sched.now()), keepaliveMs);
          sched.after(from, leftMs, () => settle(() => fail(`${to} did not answer in ${timeoutMs} ms`)));
        };
        const answer = <T>(value: () => T): void => {
          if (settled) return;
          if (!net.reach(to, from.hostId) || net.lost()) {
            timeout();
            return;
          }
          const backMs = net.latencyMs();
          if (sched.now() + backMs - sentMs > timeoutMs) {
            timeout();
            return;
          }
          sched.after(from, backMs, () =>
            settle(() => {
              try {
                resolve(value() as never);
              } catch (thrown) {
                reject(thrown);
              }
            }),
          );
        };
        const refuse = (): void => {
          sched.after(from, net.latencyMs(), () => settle(() => fail(`connection to ${to} refused`)));
        };
        const send = (laterMs: number): void => {
          if (!net.reach(from.hostId, to) || net.lost()) {
            timeout();
            return;
          }
          const wayMs = net.latencyMs() + laterMs;
          if (wayMs >= timeoutMs) timeout();
          sched.after(nobody, wayMs, () => arrive(answer, refuse, timeout));
        };
        const late = command === '' ? null : (net.onCommand?.(command, to) ?? null);
        if (late !== null) net.onCommand = null;
        send(late?.byMs ?? 0);
        // The second one may come when its effect is long undone.
        if (net.doubling > 0 && random.chance(net.doubling)) send(random.int(0, 3_000));
        if (late !== null && late.againMs !== null) send(late.againMs);
      }),
  };
  return net;
}
