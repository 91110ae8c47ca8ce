import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, parseCount, parseDuration } from './duration.ts';

describe('durations', () => {
  it.each([
    ['1500ms', 1500],
    ['60s', 60_000],
    ['2m', 120_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
  ])('%s is read', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['60', '', 's', '-1s', '1d', '1s2m', '1e3s', '99999999999999999h'])(
    '%j is refused, with what is wanted',
    (text) => {
      expect(() => parseDuration(text, '--trial')).toThrow(
        expect.objectContaining({ code: 'usage', message: '--trial: not a duration' }),
      );
    },
  );

  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [1000, '1.0s'],
    [59_949, '59.9s'],
    [59_950, '1m 00s'],
    [125_000, '2m 05s'],
    [3_599_600, '1h 00m'],
    [3_720_000, '1h 02m'],
    [-5, '0ms'],
  ])('%d ms reads as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe('counts and bytes', () => {
  it('a count is a whole number above the least', () => {
    expect(parseCount('3', '--boots')).toBe(3);
    expect(parseCount('0', '--from', 0)).toBe(0);
    for (const text of ['0', '-1', '1.5', 'x', '', '1e2']) {
      expect(() => parseCount(text, '--boots')).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [12_300_000, '12.3 MB'],
  ])('%d bytes read as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
