import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFixture, type Fixture, tlsFor } from '../../../test/support/grpc-fixture.ts';
import { ClusterError } from '../../errors.ts';
import { type ControlClient, createControlClient } from '../../grpc/control-client.ts';
import type { UpdatePlan } from '../update/update-plan.ts';
import { type ControlDeps, createControl } from './control.ts';

/** A node that does not lead, and a real server in the leader's place; `open` counts the channels to it. */
async function follower(fixture: Fixture, plan: () => Promise<UpdatePlan>) {
  const server = await fixture.serve({ control: { plan } });
  const tls = await tlsFor(fixture.ca, 'node', 'n2');
  const open = new Set<ControlClient>();
  let made = 0;
  const control = createControl({
    selfNodeId: 'n2',
    raft: { leadership: async () => ({ leader: 'n1', epoch: 3 }) },
    membership: { getAllNodes: async () => [{ nodeId: 'n1', status: 'active', address: server.address }] },
    controlAt: (address: string) => {
      const client = createControlClient({ addresses: [address], tls });
      made += 1;
      open.add(client);
      const close = client.close;
      client.close = () => {
        open.delete(client);
        close();
      };
      return client;
    },
  } as unknown as ControlDeps);
  return { control, open, made: () => made };
}

describe('what a node passes on to the leader', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await createFixture();
  });
  afterAll(() => fixture.close());

  it('leaves no channel to it open, also when it refuses', async () => {
    const refusal = new ClusterError('update-running', 'another update is under way');
    const { control, open, made } = await follower(fixture, () => Promise.reject(refusal));
    for (let asked = 0; asked < 5; asked++) {
      await expect(control.plan({ by: 'operator/ann' })).rejects.toMatchObject({ code: 'update-running' });
    }
    expect([made(), open.size]).toEqual([5, 0]);
  });
});
