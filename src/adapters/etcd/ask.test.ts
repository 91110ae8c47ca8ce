import { GRPCUnknownError } from 'etcd3';
import { describe, expect, it } from 'vitest';
import { isUnanswered, storeError } from './ask.ts';

describe('what a member of the store says', () => {
  it.each(['2 UNKNOWN: context deadline exceeded', '2 UNKNOWN: context canceled'])(
    'in the words of its own deadline is no answer: %s',
    (words) => {
      const error = new GRPCUnknownError(words);
      expect(isUnanswered(error)).toBe(true);
      expect(storeError(error, [])).toMatchObject({ code: 'unavailable' });
    },
  );

  it('is a refusal otherwise', () => {
    const error = new GRPCUnknownError('2 UNKNOWN: duplicate key given in txn request');
    expect(isUnanswered(error)).toBe(false);
    expect(storeError(error, [])).toMatchObject({ code: 'internal' });
  });
});
