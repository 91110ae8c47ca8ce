import { expect, it } from 'vitest';
import { record as aRecord } from '../../test/scenarios/a-record.ts';
import { jumpingClock } from '../../test/support/jumping-clock.ts';
import type { ClientPool, Task } from '../ports/agent.ts';
import { stageNode } from './stage-node.ts';

it('the verb on the node has the time that the update gives it, and not ten minutes of its own', async () => {
  const asked: Task[] = [];
  const executeTask = async (task: Task) => {
    asked.push(task);
    return { exitCode: 0, signal: null, timedOut: false, stdout: '{"ok":true,"bytesTransferred":7}\n', stderr: '' };
  };
  const clientPool = { getConnection: () => ({ executeTask }) } as unknown as ClientPool;
  const { options } = aRecord();
  const record = aRecord({}, { options: { ...options, stageTimeoutMs: 3_600_000 } });
  const node = { nodeId: 'n2', address: 'n2:1' };
  const step = { kind: 'stage' as const, nodes: [node], release: 'b'.repeat(64), from: 'n1' };
  const staged = await stageNode(node, step, record, { clientPool, clock: jumpingClock() });
  expect(staged).toMatchObject({ bytesTransferred: 7, failure: null });
  expect(asked.map(({ timeoutMs }) => timeoutMs)).toEqual([3_600_000]);
  expect(asked[0]?.argv.join(' ')).toContain('--timeout 3600000ms');
});
