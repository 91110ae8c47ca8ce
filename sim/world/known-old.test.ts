import { describe, expect, it } from 'vitest';
import { knownOld } from './known-old.ts';
import type { Violation, World } from './types.ts';

/** A world in which n1's last verb, its daemon and its guard are of these versions, and n1 leads. */
function worldWith(version: string): World {
  const side = { name: version };
  const host = {
    acted: { verb: side, guard: side },
    daemon: { side, leadership: { isLeader: () => true } },
    disk: { find: () => null },
  };
  return { hosts: [host], host: () => host, store: { get: () => null } } as unknown as World;
}

const byHand: Violation = { promise: 'P1', text: "n1 stops for hand-n1-0, the place by hand is null's", atMs: 1 };

describe('what is known of old versions', () => {
  it('is that only where the very version acted', () => {
    expect(knownOld(worldWith('0.1.0-0a60ba1'), byHand)).toBe('two by hand');
    expect(knownOld(worldWith('0.2.0-d5177e4'), byHand)).toBe(null);
    expect(knownOld(worldWith('HEAD'), byHand)).toBe(null);
  });

  it('is that only for its own promise and words', () => {
    expect(knownOld(worldWith('0.1.0-0a60ba1'), { ...byHand, promise: 'P2' })).toBe(null);
    const update = { ...byHand, text: 'n1 stops for u-1 while n2 is down by our doing' };
    expect(knownOld(worldWith('0.1.0-0a60ba1'), update)).toBe(null);
  });

  it('asks who leads where no host is named', () => {
    const text = "an unreadable record is told as internal: the update's record is not JSON";
    expect(knownOld(worldWith('0.1.0-0a60ba1'), { promise: 'P8', text, atMs: 1 })).toBe('a record that cannot be read');
    expect(knownOld(worldWith('HEAD'), { promise: 'P8', text, atMs: 1 })).toBe(null);
  });
});
