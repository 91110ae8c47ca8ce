import { describe, expect, it } from 'vitest';
import { checkHashBeginning, wholeHash } from './build-hash.ts';

const one = `1f3c5e7a${'0'.repeat(56)}`;
const two = `1f3c5e7a${'1'.repeat(56)}`;

describe('a hash as people give it', () => {
  it.each(['1f3c5e7a', '1f3c5e7a90', one])('%s is enough', (given) => {
    expect(checkHashBeginning(given, '--plan')).toBe(given);
  });

  it.each(['', '1f3c5e7', '1F3C5E7A', '1f3c5e7a/', '../../..', `${one}0`, 'dist'])(
    '%j is refused with what is wanted',
    (given) => {
      const wanted = expect.stringContaining('8 to 64');
      expect(() => checkHashBeginning(given, '--plan')).toThrow(
        expect.objectContaining({ code: 'usage', detail: expect.objectContaining({ wanted }) }),
      );
    },
  );

  it('means the one release that begins like it, and a whole one means itself', () => {
    expect(wholeHash('1f3c5e7a0', [one, two, one], 'here')).toBe(one);
    expect(wholeHash(two, [], 'here')).toBe(two);
  });

  it('is refused with what fits when it names several, or none', () => {
    const seen = (text: string) =>
      expect.objectContaining({ code: 'not-found', detail: expect.objectContaining({ seen: text }) });
    expect(() => wholeHash('1f3c5e7a', [two, one], 'here')).toThrow(seen(`${one}, ${two}`));
    expect(() => wholeHash('ffffffff', [one], 'here')).toThrow(seen('no release that begins like this'));
  });
});
