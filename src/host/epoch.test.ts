import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identify } from '../base/boot.ts';
import { createDisk } from '../base/files.ts';
import { ClusterError } from '../errors.ts';
import { admitEpoch, type EpochDeps, mendEpoch, readEpoch, refuseFormer } from './epoch.ts';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'epoch-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const far = Number.MAX_SAFE_INTEGER;

/** A node in a cluster that is at this epoch; null: the store does not answer. `asked` counts. */
function nodeAt(present: number | null, change: Partial<EpochDeps> = {}): EpochDeps & { asked: () => number } {
  let asked = 0;
  return {
    base,
    nodeId: 'n1',
    storeEpoch: async () => {
      asked += 1;
      if (present === null) throw new ClusterError('unavailable', 'the store does not answer');
      return present;
    },
    asked: () => asked,
    ...change,
  };
}

function keep(text: string): void {
  mkdirSync(join(base, 'data'), { recursive: true });
  writeFileSync(join(base, 'data/epoch.json'), text);
}

it('a node that has seen none is at 0, and keeps the highest that the store has', async () => {
  expect(readEpoch(base)).toBe(0);
  await admitEpoch(nodeAt(3), 3);
  await admitEpoch(nodeAt(7), 7);
  expect(JSON.parse(readFileSync(join(base, 'data/epoch.json'), 'utf8'))).toEqual({ epoch: 7 });
});

it('the epoch that is kept is taken without a question', async () => {
  await admitEpoch(nodeAt(7), 7);
  const silent = nodeAt(null);
  await admitEpoch(silent, 7);
  expect(silent.asked()).toBe(0);
});

it('a command of a former leader is refused with both epochs named, also when the store is silent (P6)', async () => {
  await admitEpoch(nodeAt(7), 7);
  for (const present of [7, 9, null]) {
    await expect(admitEpoch(nodeAt(present), 6)).rejects.toMatchObject({
      code: 'stale-epoch',
      message: 'n1 has seen epoch 7; this command is of epoch 6',
    });
  }
  expect(readEpoch(base)).toBe(7);
});

it('a former leader of whose successor this node has not heard yet is refused by the store (P6)', async () => {
  await admitEpoch(nodeAt(3), 3);
  await expect(admitEpoch(nodeAt(9), 8)).rejects.toMatchObject({
    code: 'stale-epoch',
    detail: { seen: 'epoch 8', wanted: 'epoch 9 or higher' },
  });
  expect(readEpoch(base)).toBe(3);
});

it('an epoch that the store does not have is refused, and not kept: one typo does not shut out every leader', async () => {
  for (const epoch of [8, far]) {
    await expect(admitEpoch(nodeAt(7), epoch)).rejects.toMatchObject({
      code: 'refused',
      detail: { seen: `epoch ${epoch}`, wanted: 'epoch 7, which the store has' },
    });
  }
  expect(readEpoch(base)).toBe(0);
  await admitEpoch(nodeAt(7), 7);
});

it('a higher epoch while the store is silent is no refusal: it is asked again later', async () => {
  await admitEpoch(nodeAt(3), 3);
  await expect(admitEpoch(nodeAt(null), 4)).rejects.toMatchObject({ code: 'unavailable' });
  expect(readEpoch(base)).toBe(3);
});

describe('a node that keeps an epoch which the cluster never got to', () => {
  beforeEach(() => keep(`{"epoch":${far}}`));

  it('takes the present leader again, by itself', async () => {
    await admitEpoch(nodeAt(7), 7);
    expect(readEpoch(base)).toBe(7);
  });

  it('goes on refusing former leaders, and everybody while the store is silent', async () => {
    await expect(admitEpoch(nodeAt(7), 6)).rejects.toMatchObject({ code: 'stale-epoch' });
    await expect(admitEpoch(nodeAt(null), 7)).rejects.toMatchObject({ code: 'stale-epoch' });
    await expect(admitEpoch(nodeAt(7), 8)).rejects.toMatchObject({ code: 'refused' });
  });

  it('lets go of it when it takes part in its cluster', async () => {
    expect(await mendEpoch(nodeAt(7))).toBe(far);
    expect(readEpoch(base)).toBe(7);
    expect(await mendEpoch(nodeAt(7))).toBeNull();
    expect(await mendEpoch(nodeAt(9))).toBeNull();
    expect(readEpoch(base)).toBe(7);
  });
});

it('what another command kept meanwhile is judged anew, and never shrinks', async () => {
  await admitEpoch(nodeAt(3), 3);
  let present = 4;
  const overtaken = nodeAt(4, {
    storeEpoch: async () => {
      const read = present;
      present = 5; // The next leader begins, and its command is taken, while the answer is on its way.
      keep('{"epoch":5}');
      return read;
    },
  });
  await expect(admitEpoch(overtaken, 4)).rejects.toMatchObject({ code: 'stale-epoch' });
  expect(readEpoch(base)).toBe(5);
});

it('a way back asks nobody and keeps nothing, and is refused to a former leader all the same', async () => {
  await admitEpoch(nodeAt(5), 5);
  refuseFormer(base, 9, 'n1');
  expect(readEpoch(base)).toBe(5);
  expect(() => refuseFormer(base, 4, 'n1')).toThrow(expect.objectContaining({ code: 'stale-epoch' }));
});

it('a file that cannot be understood refuses every epoch and says what to write', async () => {
  for (const text of ['', '{', '{"epoch":-1}', '{"epoch":"7"}', 'null']) {
    keep(text);
    await expect(admitEpoch(nodeAt(100), 100), text).rejects.toMatchObject({ code: 'operator-needed' });
  }
});

it('a lock that the disk did not take back from this very process keeps no later epoch out', async () => {
  mkdirSync(join(base, 'data'), { recursive: true });
  const lock = join(base, 'data/epoch.json.lock');
  writeFileSync(lock, JSON.stringify({ ...identify(process.pid), what: 'epoch' }));
  await admitEpoch(nodeAt(7), 7);
  expect([readEpoch(base), existsSync(lock)]).toEqual([7, false]);
});

it('a newer epoch that cannot be kept is not taken', async () => {
  const full = createDisk((change) => {
    if (change === 'create') throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  });
  await expect(admitEpoch(nodeAt(5, { disk: full }), 5)).rejects.toMatchObject({ code: 'disk' });
  expect(readEpoch(base)).toBe(0);
});

it.each([-1, 1.5, Number.NaN])('%s is no epoch', async (epoch) => {
  await expect(admitEpoch(nodeAt(5), epoch)).rejects.toMatchObject({ code: 'usage' });
});
