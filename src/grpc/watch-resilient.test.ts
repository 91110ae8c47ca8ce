import { describe, expect, it } from 'vitest';
import type { UpdateEvent } from '../cluster/update/event.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { type WatchOptions, type WatchSource, watchResilient } from './watch-resilient.ts';

function event(number: number, kind: UpdateEvent['kind'] = 'step'): UpdateEvent {
  return { number, updateId: 'u1', at: '', by: 'n1', epoch: 1, kind, nodeId: null, text: `e${number}` };
}

/** Time passes only in sleep. */
function virtualClock(): Clock {
  let now = 0;
  return {
    nowMs: () => now,
    wallIso: () => '',
    sleep: async (ms) => {
      now += ms;
    },
    randomId: () => '0',
  };
}

type Turn = (UpdateEvent | ClusterError)[];

/** One list per watch: its events, and an error to end with. After the last list every watch fails. */
function source(turns: Turn[]): WatchSource & { asked: [string, number][] } {
  const asked: [string, number][] = [];
  return {
    asked,
    async *watch(updateId, after) {
      asked.push([updateId, after]);
      for (const item of turns.shift() ?? [new ClusterError('unavailable', 'nobody there')]) {
        if (item instanceof ClusterError) throw item;
        yield item;
      }
    },
  };
}

async function watchAll(from: WatchSource, options: Partial<WatchOptions> = {}): Promise<number[]> {
  const seen: number[] = [];
  const signal = new AbortController().signal;
  for await (const one of watchResilient(from, '', signal, { clock: virtualClock(), ...options }))
    seen.push(one.number);
  return seen;
}

const lost = new ClusterError('unavailable', 'gone');

describe('watchResilient', () => {
  it('goes on from the last number, on the update that it began with, and says when it lost and found a node', async () => {
    const told: string[] = [];
    const from = source([[event(1), event(2), lost], [lost], [event(2), event(3), event(4, 'ended')]]);
    const seen = await watchAll(from, { onLost: () => told.push('lost'), onFound: () => told.push('found') });
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(told).toEqual(['lost', 'found']);
    expect(from.asked).toEqual([
      ['', 0],
      ['u1', 2],
      ['u1', 2],
    ]);
  });

  it('counts a node that takes the watch as found, though no event comes', async () => {
    let turn = 0;
    const from: WatchSource = {
      async *watch(_id, _after, _signal, onOpen) {
        turn += 1;
        if (turn > 100) yield event(1, 'ended');
        if (turn % 2 === 0) onOpen?.();
        throw lost;
      },
    };
    expect(await watchAll(from, { patienceMs: 3000 })).toEqual([1]);
  });

  it('takes a stream that ends before the update did for a loss', async () => {
    expect(await watchAll(source([[event(1)], [event(2, 'ended')]]))).toEqual([1, 2]);
  });

  it('gives up when no node answered for the time given, and says how to go on', async () => {
    await expect(watchAll(source([[event(1), lost]]), { patienceMs: 5000 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('5 s'),
      detail: { next: 'claudecluster updates watch u1' },
    });
  });

  it('does not try again what was refused', async () => {
    const from = source([[new ClusterError('not-found', 'no such update')]]);
    await expect(watchAll(from)).rejects.toMatchObject({ code: 'not-found' });
    expect(from.asked).toHaveLength(1);
  });

  it('ends quietly when it is told to', async () => {
    const stop = new AbortController();
    const from: WatchSource = {
      async *watch() {
        yield event(1);
        stop.abort();
        throw lost;
      },
    };
    const seen: number[] = [];
    for await (const one of watchResilient(from, 'u1', stop.signal, { clock: virtualClock() })) seen.push(one.number);
    expect(seen).toEqual([1]);
  });
});
