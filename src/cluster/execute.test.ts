import { expect, it } from 'vitest';
import { record as aRecord } from '../../test/scenarios/a-record.ts';
import { jumpingClock } from '../../test/support/jumping-clock.ts';
import { ClusterError } from '../errors.ts';
import type { AgentClient } from '../ports/agent.ts';
import { type ExecuteDeps, execute } from './execute.ts';

it('a node that says no to its rehearsal is heard, also while another one does not answer', async () => {
  const refusal = JSON.stringify({
    ok: false,
    error: { code: 'verify-failed', message: 'its known-good release rots' },
  });
  const executeTask = (address: string): AgentClient['executeTask'] => {
    if (address === 'silent') return () => Promise.reject(new ClusterError('unavailable', 'no answer'));
    return async () => ({ exitCode: 4, signal: null, timedOut: false, stdout: `${refusal}\n`, stderr: '' });
  };
  const clientPool = { getConnection: (address: string) => ({ executeTask: executeTask(address) }) };
  const nodes = [
    { nodeId: 'n2', address: 'silent' },
    { nodeId: 'n3', address: 'rots' },
  ];
  const deps = { clientPool, clock: jumpingClock() } as unknown as ExecuteDeps;
  const outcome = await execute({ kind: 'rehearse', nodes, release: 'b'.repeat(64) }, aRecord(), deps);
  expect(outcome).toMatchObject({ kind: 'refused', failure: { nodeId: 'n3', kind: 'rehearsal' } });
});
