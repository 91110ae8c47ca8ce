import { describe, expect, it } from 'vitest';
import type { NodeHealth, TaskResult } from '../../ports/agent.ts';
import type { NodeInfo } from '../../ports/membership.ts';
import { freshLooks } from '../looks.ts';
import type { NodeObservation } from '../update/observation.ts';
import { createMender } from './damaged.ts';

const release = 'a'.repeat(64);
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Nodes by name: what each says of itself, and what it was asked to do. */
function world(healths: Record<string, Partial<NodeHealth>>, fails: (argv: string[]) => boolean = () => false) {
  const asked: string[] = [];
  const clientPool = {
    closeConnection() {},
    getConnection: (address: string) => ({
      healthCheck: async () => ({ trial: null, staged: [release], ...healths[address] }) as NodeHealth,
      drain: async () => ({ runningTasks: 0 }),
      executeTask: async ({ argv }: { argv: string[] }): Promise<TaskResult> => {
        asked.push(`${address}: ${argv.slice(2, -1).join(' ')}`);
        const failed = fails(argv);
        const error = { code: 'verify-failed', message: 'the copy there is damaged' };
        const stdout = JSON.stringify(failed ? { ok: false, error } : { ok: true });
        return { exitCode: failed ? 4 : 0, signal: null, timedOut: false, stdout, stderr: '' };
      },
    }),
  };
  const nodes = Object.keys(healths).map(
    (nodeId) =>
      ({ nodeId, address: nodeId, status: 'active', trial: null, release: { buildHash: release } }) as NodeInfo,
  );
  return { asked, clientPool, nodes };
}

const damage = [{ release, why: 'rot', inUse: true }];

describe('a damaged node', () => {
  it('gets its release from a node whose copy is whole, and looks at once', async () => {
    const { asked, clientPool, nodes } = world({ n1: { damage }, n2: { damage }, n3: {} });
    await createMender({ clientPool, logger: silent }).mend(nodes[0] as NodeInfo, nodes);
    expect(asked).toEqual([`n1: stage ${release} --from n3`, 'n1: verify']);
  });

  it('tries the next source when the copy of the first one turns out bad', async () => {
    const { asked, clientPool, nodes } = world({ n1: { damage }, n2: {}, n3: {} }, (argv) => argv.includes('n2'));
    const mender = createMender({ clientPool, logger: silent });
    await mender.mend(nodes[0] as NodeInfo, nodes);
    await mender.mend(nodes[0] as NodeInfo, nodes);
    expect(asked).toEqual([`n1: stage ${release} --from n2`, `n1: stage ${release} --from n3`, 'n1: verify']);
  });

  it('on trial keeps what its trial has damaged: that build has to fail', async () => {
    const trial = { release } as NodeHealth['trial'];
    const { asked, clientPool, nodes } = world({ n1: { damage, trial }, n2: {} });
    await createMender({ clientPool, logger: silent }).mend(nodes[0] as NodeInfo, nodes);
    expect(asked).toEqual(['n1: verify']);
  });
});

describe('before an update', () => {
  const observed = (nodeId: string, health: Partial<NodeHealth>): NodeObservation =>
    ({ nodeId, address: nodeId, health: { trial: null, ...health } }) as NodeObservation;

  it('nodes that never looked, or not in the last hour, look; builds that know no look are not asked (P11)', async () => {
    const { asked, clientPool } = world({});
    const nodes = [
      observed('new', { lastLookMsAgo: null }),
      observed('stale', { lastLookMsAgo: 3_600_001 }),
      observed('fresh', { lastLookMsAgo: 3_599_999 }),
      observed('older-build', {}),
      { ...observed('silent', {}), health: null },
    ];
    expect(await freshLooks(nodes, clientPool)).toEqual({ asked: 2, failed: {} });
    expect(asked).toEqual(['new: verify', 'stale: verify']);
  });

  it('a look that says "not whole" is one; none at all has a reason', async () => {
    const damagedOne = world({}, () => true);
    const nodes = [observed('n1', { lastLookMsAgo: null })];
    expect(await freshLooks(nodes, damagedOne.clientPool)).toEqual({ asked: 1, failed: {} });
    const dead = {
      closeConnection() {},
      getConnection: () => {
        throw new Error('gone');
      },
    };
    expect((await freshLooks(nodes, dead)).failed).toHaveProperty('n1');
  });
});
