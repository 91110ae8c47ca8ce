import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDisk } from '../base/files.ts';
import { admitEpoch, readEpoch } from './epoch.ts';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'epoch-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

it('a node that has seen none is at 0, and keeps the highest', () => {
  expect(readEpoch(base)).toBe(0);
  admitEpoch(base, 3, 'n1');
  admitEpoch(base, 3, 'n1');
  admitEpoch(base, 7, 'n1');
  expect(JSON.parse(readFileSync(join(base, 'data/epoch.json'), 'utf8'))).toEqual({ epoch: 7 });
});

it('a command of a former leader is refused with both epochs named (P6)', () => {
  admitEpoch(base, 7, 'n1');
  expect(() => admitEpoch(base, 6, 'n1')).toThrow(
    expect.objectContaining({ code: 'stale-epoch', message: 'n1 has seen epoch 7; this command is of epoch 6' }),
  );
  expect(readEpoch(base)).toBe(7);
});

it('a file that cannot be understood refuses every epoch and says what to write', () => {
  mkdirSync(join(base, 'data'));
  for (const text of ['', '{', '{"epoch":-1}', '{"epoch":"7"}', 'null']) {
    writeFileSync(join(base, 'data/epoch.json'), text);
    expect(() => admitEpoch(base, 100, 'n1'), text).toThrow(expect.objectContaining({ code: 'operator-needed' }));
  }
});

it('a newer epoch that cannot be kept is not taken', () => {
  const full = createDisk((change) => {
    if (change === 'create') throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  });
  expect(() => admitEpoch(base, 5, 'n1', full)).toThrow(expect.objectContaining({ code: 'disk' }));
  expect(readEpoch(base)).toBe(0);
});

it.each([-1, 1.5, Number.NaN])('%s is no epoch', (epoch) => {
  expect(() => admitEpoch(base, epoch, 'n1')).toThrow(expect.objectContaining({ code: 'usage' }));
});
