import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { record as aRecord } from '../../../test/scenarios/a-record.ts';
import { createFixture, type Fixture, tlsFor } from '../../../test/support/grpc-fixture.ts';
import { jumpingClock } from '../../../test/support/jumping-clock.ts';
import { keys } from '../../base/store-keys.ts';
import { ClusterError } from '../../errors.ts';
import { type ControlClient, createControlClient } from '../../grpc/control-client.ts';
import type { Logger } from '../../ports/logger.ts';
import { createJournal } from '../journal/journal.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { finish } from '../update/change.ts';
import type { UpdateRecord } from '../update/record.ts';
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

/** A journal in memory, and what an operator steers by it. */
function operated() {
  const memory = memoryStore({ [keys.epoch]: '1' });
  const nothing = () => undefined;
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: nothing } as unknown as Logger;
  const journal = createJournal(memory.store, jumpingClock(), 'n1', logger);
  const control = createControl({ journal, updater: { wake: nothing } } as unknown as ControlDeps);
  return { journal, control };
}

async function resumed(phases: Parameters<typeof aRecord>[0], requested: UpdateRecord['requested']) {
  const { journal, control } = operated();
  await journal.create(aRecord(phases, { requested }), 'an update');
  return control.controlUpdate('', 'resume', 'operator/ann', '');
}

describe('revert', () => {
  it('of an update that has ended says how its nodes go back to what ran before', async () => {
    const { journal, control } = operated();
    const { id, tasks } = await journal.create(aRecord({ n2: 'committed', n3: 'committed', n1: 'committed' }), 'one');
    await journal.change(id, 1, (now) => finish(now, 'committed', null));
    const before = tasks[0]?.from?.buildHash.slice(0, 12);
    await expect(control.controlUpdate(id, 'revert', 'operator/ann', '')).rejects.toMatchObject({
      code: 'not-found',
      detail: { seen: 'it has ended: committed', next: expect.stringContaining(`claudecluster update ${before}`) },
    });
    const unknown = control.controlUpdate('u-2', 'revert', 'operator/ann', '');
    await expect(unknown).rejects.toMatchObject({ code: 'not-found', message: 'update u-2 does not run' });
  });
});

describe('resume', () => {
  it('of a canary that was updated lets it pass, also where it was paused there', async () => {
    const phases = { n2: 'committed', n3: 'staged', n1: 'staged' } as const;
    expect(await resumed(phases, null)).toMatchObject({ requested: null, canaryPassed: true });
    expect(await resumed(phases, 'pause')).toMatchObject({ requested: null, canaryPassed: true });
  });

  it('of a pause before the canary was updated lets nothing pass: the walk still stops after it', async () => {
    const phases = { n2: 'staged', n3: 'staged', n1: 'staged' } as const;
    expect(await resumed(phases, 'pause')).toMatchObject({ requested: null, canaryPassed: false });
  });
});

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
