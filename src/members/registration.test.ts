import { expect, it } from 'vitest';
import type { Store } from '../ports/store.ts';
import { approveMember } from './registration.ts';

it('an approval leaves all that the node wrote of itself, also what only a newer build understands (P11)', async () => {
  const asked = {
    nodeId: 'w1',
    address: 'w1:1',
    role: 'witness',
    approved: false,
    protocol: { min: 1, max: 2 },
    mood: 'good',
  };
  const written: string[] = [];
  const store = {
    get: async (key: string) => ({ key, value: JSON.stringify(asked), modRevision: 1, leaseId: '' }),
    txn: async (_: unknown, ops: { value: string }[]) => written.push(...ops.map(({ value }) => value)) > 0,
  } as unknown as Store;
  expect(await approveMember(store, 'w1')).toBe(true);
  expect(written.map((text) => JSON.parse(text) as unknown)).toEqual([{ ...asked, approved: true }]);
});
