import { describe, expect, it } from 'vitest';
import { optionsOf, recordedBy } from './cluster-service.ts';
import { checkHash, checkSafeInteger, checkUpdateId } from './request-checks.ts';

describe('options from the wire', () => {
  it('are taken when every name is known and every value is of its kind', () => {
    expect(optionsOf('')).toEqual({});
    expect(optionsOf('{"heartbeats":5,"onFailure":"revert","acceptDowntime":true}')).toEqual({
      heartbeats: 5,
      onFailure: 'revert',
      acceptDowntime: true,
    });
  });

  it.each([
    '{',
    '[]',
    'null',
    '"x"',
    '{"heartbeats":-1}',
    '{"heartbeats":1.5}',
    '{"heartbeats":1e400}',
    '{"heartbeats":"5"}',
    '{"heartbeats":null}',
    '{"onFailure":"explode"}',
    '{"acceptDowntime":1}',
    '{"__proto__":{"heartbeats":1}}',
    '{"toString":1}',
    '{"nope":1}',
    `{"nope":"${'x'.repeat(20_000)}"}`,
    '\ufffd\ufffd',
  ])('are refused as %.60s', (json) => {
    expect(() => optionsOf(json)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('who the record names', () => {
  it('is the one the certificate names, unless a node passes it on', () => {
    const ann = { clusterId: 'c1', role: 'operator', name: 'ann' } as const;
    const n1 = { clusterId: 'c1', role: 'node', name: 'n1' } as const;
    expect(recordedBy(ann, '')).toBe('operator/ann');
    expect(recordedBy(ann, 'root@host')).toBe('root@host (operator/ann)');
    expect(recordedBy(n1, 'root@host (operator/ann)')).toBe('root@host (operator/ann)');
    expect(recordedBy(n1, '')).toBe('node/n1');
    expect(() => recordedBy(ann, 'x'.repeat(300))).toThrow(/too long/);
  });
});

describe('fields from the wire', () => {
  it.each(['', 'abc', 'A'.repeat(64), '../'.repeat(22), `${'a'.repeat(64)}\n`])('hash %j is refused', (hash) => {
    expect(() => checkHash(hash)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
  it.each(['a/b', 'a\0', 'ü', 'a'.repeat(200)])('update id %j is refused', (id) => {
    expect(() => checkUpdateId(id)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
  it.each([-1, 0.5, Number.NaN, 2 ** 53])('epoch %d is refused', (epoch) => {
    expect(() => checkSafeInteger('epoch', epoch)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
