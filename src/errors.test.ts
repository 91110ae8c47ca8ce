import { describe, expect, it } from 'vitest';
import { type ErrorMeaning, errorCodes, errorMeanings, isPassing } from './errors.ts';

const of = (meaning: ErrorMeaning): string[] => errorCodes.filter((code) => errorMeanings[code] === meaning);

describe('what a code says about trying again', () => {
  it('is decided here alone, and every code has its place', () => {
    expect(of('passing')).toEqual(['not-leader', 'no-leader', 'unavailable']);
    expect(of('held-up')).toEqual(['denied', 'disk']);
    expect(of('superseded')).toEqual(['stale-epoch']);
    expect(of('operator')).toEqual(['operator-needed']);
    expect(of('fault')).toEqual(['internal']);
    expect(errorCodes.filter(isPassing)).toEqual(of('passing'));
  });
});
