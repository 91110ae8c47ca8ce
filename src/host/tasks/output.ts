/** A task's output on its way to whoever reads it: a slow reader makes the task wait instead of filling memory. */
import type { Readable } from 'node:stream';

/** Where output goes. A promise holds the stream back until it resolves; one that rejects ends the task. */
export type Consume = (chunk: Uint8Array) => void | Promise<void>;

export interface Pump {
  ended: Promise<void>;
  /** Grows with every chunk taken and every chunk delivered. */
  moves: number;
  /** A chunk was handed over and the consumer has not taken it yet. */
  blocked: boolean;
}

export function pump(stream: Readable | null, consume: Consume, onConsumerGone: () => void): Pump {
  const state: Pump = { ended: Promise.resolve(), moves: 0, blocked: false };
  const run = async (source: Readable): Promise<void> => {
    for await (const chunk of source) {
      state.moves += 1;
      state.blocked = true;
      await consume(chunk as Uint8Array);
      state.blocked = false;
      state.moves += 1;
    }
  };
  if (stream !== null) state.ended = run(stream).catch(onConsumerGone);
  return state;
}

/** Waits for `done`, at most `ms`. */
export async function within(done: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Until the pipes ended, or nothing moved for `quietMs` although the consumer was not the one to wait for. */
export async function drained(pumps: Pump[], quietMs: number, given: () => boolean): Promise<void> {
  const ended = Promise.all(pumps.map((one) => one.ended));
  const moves = (): number => pumps.reduce((sum, one) => sum + one.moves, 0);
  for (let before = moves(); !(await within(ended, quietMs)); before = moves()) {
    const consumerIsSlow = pumps.some((one) => one.blocked) && !given();
    if (!consumerIsSlow && moves() === before) return;
  }
}
